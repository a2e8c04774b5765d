import t from 'tap'
import { clientBinding } from '../../../../plugins/lib/session/client-binding.ts'

function asking(ip: string, agent: string) {
  const headerAll = (name: string) => (name === 'user-agent' ? [agent] : [])
  return { client: { ip, port: 1, tls: false }, headerAll, header: (name: string) => headerAll(name)[0] }
}

const here = asking('203.0.113.9', 'Browser/1')

t.test('what a session was not bound to when it was opened is not asked of it later', async (t) => {
  const agentOnly = clientBinding({ user_agent: true, address_prefix: 0 }, [])!.of(here)
  const networkOnly = clientBinding({ user_agent: false, address_prefix: 24 }, [])!.of(here)
  const both = clientBinding({ user_agent: true, address_prefix: 24 }, [])!
  t.ok(both.fits(agentOnly, asking('198.51.100.1', 'Browser/1')))
  t.notOk(both.fits(agentOnly, asking('203.0.113.9', 'Thief/1')))
  t.ok(both.fits(networkOnly, asking('203.0.113.77', 'Browser/2')))
  t.notOk(both.fits(networkOnly, asking('198.51.100.1', 'Browser/1')))
  t.notOk(both.fits(both.of(here), asking('203.0.113.9', 'Thief/1')))
  t.notOk(both.fits(both.of(here), asking('198.51.100.1', 'Browser/1')))
})

t.test('nor what config has let go of', async (t) => {
  const bound = clientBinding({ user_agent: true, address_prefix: 24 }, [])!.of(here)
  t.ok(clientBinding({ user_agent: true, address_prefix: 0 }, [])!.fits(bound, asking('198.51.100.1', 'Browser/1')))
  t.ok(clientBinding({ user_agent: false, address_prefix: 24 }, [])!.fits(bound, asking('203.0.113.9', 'Browser/2')))
  t.equal(clientBinding({ user_agent: false, address_prefix: 0 }, []), undefined)
})
