// expect: TS2322 Misplaced<"stage acme-send is a second terminal stage after forward; a list has one: remove either">
import { createBascule, defineStage } from '../../../core/index.ts'
import { forward, headerInject, routeMatch } from '../../../plugins/index.ts'

const send = defineStage({
  name: 'acme-send',
  role: 'terminal',
  setup: () => () => ({ run: (x) => x.reply(200, 'OK') }),
})

createBascule({
  routes: [],
  stages: [
    routeMatch,
    headerInject,
    forward,
    // wrong: forward has answered
    send,
  ],
})
