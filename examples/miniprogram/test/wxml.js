const vm = require('node:vm');

/** @typedef {{ tag: string, attrs: Record<string, string>, children: (Node | string)[] }} Node */

/**
 * 只支持示例用到的 WXML；标签不匹配或属性格式错误时抛出错误。
 * @param {string} source
 * @returns {Node}
 */
function parse(source) {
  /** @type {Node} */
  const root = { tag: '', attrs: {}, children: [] };
  const open = [root];
  const token = /<!--[^]*?-->|<\/([\w-]+)\s*>|<([\w-]+)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*(\/?)>|[^<]+/y;
  while (token.lastIndex < source.length) {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (!match) throw new Error(`无法解析：${source.slice(at, at + 40)}`);
    const [text, closed, tag, attrs, selfClosing] = match;
    if (text.startsWith('<!--')) continue;
    if (closed) {
      const last = open.pop();
      if (last?.tag !== closed) throw new Error(`标签不匹配：<${last?.tag}> 与 </${closed}>`);
    } else if (tag) {
      const pairs = [...attrs.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)];
      const node = { tag, attrs: Object.fromEntries(pairs.map(([, name, value]) => [name, value ?? ''])), children: [] };
      open[open.length - 1].children.push(node);
      if (!selfClosing) open.push(node);
    } else {
      open[open.length - 1].children.push(text);
    }
  }
  if (open.length > 1) throw new Error(`<${open[open.length - 1].tag}> 未关闭`);
  return root;
}

function evaluate(text, data) {
  const whole = /^\{\{([^]*)\}\}$/.exec(text);
  // 变量未在 data 中声明时抛出 ReferenceError；真实框架会当作空值。
  if (whole && !whole[1].includes('}}')) return vm.runInNewContext(`(${whole[1]})`, { ...data });
  return text.replace(/\{\{(.*?)\}\}/g, (_, expression) => vm.runInNewContext(`(${expression})`, { ...data }));
}

/**
 * 当前可见的元素，属性中的表达式已求值。
 * @param {Node} node
 * @returns {{ tag: string, attrs: Record<string, any>, text: string }[]}
 */
function render(node, data) {
  const elements = [];
  let shown = false;
  for (const child of node.children) {
    if (typeof child === 'string') continue;
    const { 'wx:if': condition, 'wx:else': otherwise, ...attrs } = child.attrs;
    if (condition !== undefined) shown = Boolean(evaluate(condition, data));
    else if (otherwise !== undefined) shown = !shown;
    else shown = true;
    if (!shown) continue;
    elements.push({
      tag: child.tag,
      attrs: Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, evaluate(value, data)])),
      text: child.children.map((part) => (typeof part === 'string' ? evaluate(part.trim(), data) : '')).join(''),
    });
    elements.push(...render(child, data));
  }
  return elements;
}

/**
 * 所有元素，不论是否显示。
 * @param {Node} node
 * @returns {Node[]}
 */
function all(node) {
  return node.children.flatMap((child) => (typeof child === 'string' ? [] : [child, ...all(child)]));
}

module.exports = { parse, render, all };
