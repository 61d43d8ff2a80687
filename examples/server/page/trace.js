// Draws the live trace: a sequence diagram with a lane for each party, one card a step, a group for each exchange.

import { text } from './text.js'

const lanes = ['wechat', 'page', 'backend', 'authing']

export class Trace {
  #scroll
  #list
  #groups = new Map() // by the number of the exchange: the steps of two exchanges may arrive mixed
  #last = 0

  constructor(scroll) {
    this.#scroll = scroll
    this.#list = scroll.querySelector('ol')
  }

  listen(address) {
    new EventSource(address).addEventListener('message', ({ data }) => this.#add(JSON.parse(data)))
  }

  clear() {
    this.#groups.clear()
    this.#list.replaceChildren()
  }

  translate() {
    for (const route of this.#list.querySelectorAll('.route')) route.textContent = routeText(route.dataset)
  }

  #add(step) {
    if (step.n <= this.#last) this.clear() // the numbers start over: so did the server
    this.#last = step.n
    // Follows the newest step only for those who are not reading an older one.
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll
    const atEnd = scrollHeight - scrollTop - clientHeight < 40
    this.#group(step).append(card(step))
    if (atEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight
  }

  #group(step) {
    let steps = this.#groups.get(step.exchange)
    if (!steps) {
      steps = element('ol', 'steps')
      this.#groups.set(step.exchange, steps)
      const group = element('li', 'exchange')
      group.append(element('p', 'exchange-title', `#${step.exchange}\u2003${step.at}`), steps)
      this.#list.append(group)
    }
    return steps
  }
}

function card(step) {
  const from = lane(step.from)
  const to = lane(step.to)
  const item = element('li', 'step')
  item.dataset.kind = step.kind
  item.dataset.from = from
  item.dataset.to = to
  item.dataset.direction = lanes.indexOf(from) < lanes.indexOf(to) ? 'right' : 'left'

  const route = element('span', 'route')
  Object.assign(route.dataset, { from, to })
  route.textContent = routeText(route.dataset)
  const head = element('span', 'head')
  head.append(route, ...(step.kind === 'answer' ? outcome(step) : call(step)))

  const empty = Object.keys(step.body ?? {}).length === 0
  const box = element(empty ? 'div' : 'details', 'card')
  const line = empty ? box : element('summary', 'line')
  line.append(head, element('span', 'arrow'))
  if (!empty) {
    const preview = element('code', 'preview', inOneLine(step.body))
    if (step.kind === 'answer') head.append(preview)
    else line.append(preview)
    box.append(line, element('pre', 'body', JSON.stringify(step.body, null, 2)))
  }
  item.append(box)
  return item
}

function call({ to, op, method, path, body }) {
  // In a real mini program these are no HTTP requests.
  if (lane(to) === 'wechat') return [element('strong', 'op', op), element('span', 'path', body?.button)]
  const parts = [element('span', 'path', `${method} ${path}`)]
  if (op) parts.unshift(element('strong', 'op', op))
  return parts
}

function outcome({ from, status, error, ms, body }) {
  let said = error ?? status // without a status no answer came, and error says why
  let good = status >= 200 && status < 300
  if (lane(from) === 'wechat' && body?.errMsg) {
    said = body.errMsg
    good = said.endsWith(':ok')
  }
  if (from === 'authing' && body?.code !== undefined && body.code !== 200) {
    said = `${status}, code ${body.code}` // Authing answers most refusals with HTTP 200
    good = false
  }
  if (from === 'authing' && body?.errors) good = false
  const pill = element('span', 'status', said)
  pill.dataset.good = String(good)
  return [pill, element('span', 'ms', `${ms} ms`)]
}

const inOneLine = (body) => JSON.stringify(body).replaceAll(/"(\w+)":/g, '$1: ').replaceAll(',', ', ')

const lane = (party) => (party === 'phone' ? 'wechat' : party)

const routeText = ({ from, to }) => `${text(from)} → ${text(to)}`

function element(name, className, content = '') {
  const made = document.createElement(name)
  made.className = className
  made.textContent = content
  return made
}
