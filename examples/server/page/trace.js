// Renders the live trace as a sequence diagram: one lane per party, one card per step, one group per exchange.

import { text } from './text.js'

const lanes = ['wechat', 'page', 'backend', 'authing']

export class Trace {
  #scroll
  #list
  #groups = new Map() // by exchange, because the steps of two exchanges may be interleaved
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
    if (step.n <= this.#last) this.clear() // the numbers start over: the server was restarted
    this.#last = step.n
    // Keep scrolling only if the user has not scrolled up.
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
  head.append(route, ...(step.kind === 'response' ? response(step) : request(step)))

  const noBody = Object.keys(step.body ?? {}).length === 0
  const box = element(noBody ? 'div' : 'details', 'card')
  const line = noBody ? box : element('summary', 'line')
  line.append(head, element('span', 'arrow'))
  if (!noBody) {
    head.prepend(element('span', 'caret')) // decorative: screen readers announce a summary as collapsed or expanded
    line.append(element('code', 'preview', inOneLine(step.body)))
    box.append(line, element('pre', 'body', JSON.stringify(step.body, null, 2)))
  }
  item.append(box)
  return item
}

function request({ to, op, method, path, button }) {
  // In a real mini program, calls of WeChat are not HTTP requests.
  if (lane(to) === 'wechat') return [element('strong', 'op', op), element('span', 'path', button)]
  const parts = [element('span', 'path', `${method} ${path}`)]
  if (op) parts.unshift(element('strong', 'op', op))
  return parts
}

function response({ from, status, error, ms, body }) {
  let summary = error ?? status // error is set if there is no response
  let good = status >= 200 && status < 300
  if (lane(from) === 'wechat') {
    summary = body?.errMsg ?? (good ? 'ok' : status) // a chosen picture comes without errMsg
    good &&= summary.endsWith('ok')
  }
  const code = body?.statusCode ?? body?.code ?? 200 // of V3, or of a user pool
  if (from === 'authing' && code !== 200) {
    summary = `${status}, code ${code}` // Authing reports most errors with HTTP 200
    good = false
  }
  if (from === 'authing' && body?.errors) good = false
  const pill = element('span', 'status', summary)
  pill.dataset.good = String(good)
  return [pill, element('span', 'ms', `${ms} ms`)]
}

const inOneLine = (body) => JSON.stringify(body).replaceAll(/"(\w+)":/g, '$1: ').replaceAll(',', ', ')

const lane = (party) => (party === 'phone' ? 'wechat' : party)

const routeText = ({ from, to }) => `${text(from)} → ${text(to)}`

function element(name, className, content = '') {
  const node = document.createElement(name)
  node.className = className
  node.textContent = content
  return node
}
