// Files that need little but modules: one process for several of them loads those once. tap's root takes the tests of all, in order.
// By the environment: tap names its folders after the arguments, and their paths are too long for one.
import process from 'node:process'
import { pathToFileURL } from 'node:url'

for (const file of process.env.BASCULE_TEST_FILES.split('\n')) await import(pathToFileURL(file).href)
