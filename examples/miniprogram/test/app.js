const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { glassEasel, MiniProgramEnv } = require('glass-easel-miniprogram-adapter');
const { TmplGroup } = require('glass-easel-template-compiler');

const root = path.join(__dirname, '../src');
const read = (name) => fs.readFileSync(path.join(root, name), 'utf8');
const { pages } = JSON.parse(read('app.json'));

// 框架默认只报告页面抛出的异常，测试要因此失败。
glassEasel.globalOptions.throwGlobalError = true;

/** 编译 WXML；有错误或警告时抛出异常。 */
function compile(name) {
  const group = new TmplGroup();
  const problems = group.addTmpl(name, read(`${name}.wxml`));
  assert.deepEqual(problems, [], `${name}.wxml`);
  const groupList = new Function(`return ${group.getTmplGenObjectGroups()}`)();
  group.free();
  // 微信的内置组件在这里是普通节点，也要接受 bindtap 这种写法。
  return { groupList, content: groupList[name], fallbackListenerOnNativeNode: true };
}

/** 页面用到的组件的路径。 */
const componentsOf = (name) =>
  Object.values(JSON.parse(read(`${name}.json`)).usingComponents ?? {}).map((url) => String(url).slice(1));

/** 启动小程序：用微信的框架加载页面和组件，打开第一个页面，等待就绪。 */
async function launch(phone) {
  // 小程序重新启动，内存中的数据不再保留。测试修改过的 config 除外。
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(root) && !file.endsWith('config.js')) delete require.cache[file];
  }
  const env = new MiniProgramEnv();
  const space = env.createCodeSpace('', true);
  const backend = env.associateBackend(new glassEasel.EmptyBackendContext());
  /** 页面的方法返回的 Promise，框架本身不返回它们。 @type {Promise<unknown>[]} */
  let started = [];

  /** @type {any} */
  const globals = globalThis;
  globals.App = () => {};
  require(path.join(root, 'app.js'));
  for (const name of new Set([...pages.flatMap(componentsOf), ...pages])) {
    space.addComponentStaticConfig(name, JSON.parse(read(`${name}.json`)));
    space.addCompiledTemplate(name, compile(name));
    space.globalComponentEnv(globals, name, () => {
      const { Page } = globals;
      globals.Page = (options) => Page(awaited(options));
      require(path.join(root, `${name}.js`));
    });
  }

  function awaited(options) {
    const entries = Object.entries(options).map(([name, value]) => {
      if (typeof value !== 'function') return [name, value];
      return [name, /** @this {any} */ function (...args) {
        const result = value.apply(this, args);
        // 没有处理的异常由测试框架报告。
        started.push(Promise.resolve(result).catch(() => {}));
        return result;
      }];
    });
    return Object.fromEntries(entries);
  }

  /** 执行 action，等待它调用的方法完成，包括由此打开或返回的页面。 */
  async function run(action) {
    started = [];
    action();
    await Promise.all(started);
    await Promise.all(shown.splice(0));
  }

  /** 打开或返回页面时的 onShow。 @type {unknown[]} */
  const shown = [];

  /** 打开的页面，最后一个是当前页面。 @type {{ name: string, root: any, typed: Map<any, string> }[]} */
  const stack = [];
  const current = () => stack[stack.length - 1];

  function open(url, events = {}) {
    const [name, search = ''] = url.replace(/^\//, '').split('?');
    assert.ok(pages.includes(name), `app.json 没有页面 ${name}`);
    const page = { name, root: backend.createRoot('page', space, name), typed: new Map() };
    stack.push(page);
    /** @type {any} */
    const methods = page.root.get();
    methods.getOpenerEventChannel = () => ({ emit: (event, value) => events[event]?.(value) });
    glassEasel.Element.pretendAttached(page.root.getComponent());
    // 微信不解码参数。
    methods.onLoad?.(Object.fromEntries(search.split('&').filter(Boolean).map((pair) => pair.split('='))));
    shown.push(show());
  }

  function show() {
    const { root } = current();
    root.getComponent().triggerPageLifetime('show', []);
    return /** @type {any} */ (root.get()).onShow?.();
  }

  function back() {
    assert.ok(stack.length > 1, '没有上一页');
    stack.pop()?.root.release();
    shown.push(show());
  }

  globals.wx = Object.assign(phone.wx, {
    navigateTo: ({ url, events }) => open(url, events),
    navigateBack: back,
  });
  await run(() => open(pages[0]));

  /** 当前显示的元素，按顺序。 @returns {{ tag: string, attrs: Record<string, any>, text: string, node: any }[]} */
  function screen(/** @type {any} */ node = current().root.getComponent()) {
    const { childNodes } = glassEasel.Component.isComponent(node) ? /** @type {any} */ (node.getShadowRoot()) : node;
    return childNodes.flatMap((/** @type {any} */ child) => {
      if (glassEasel.TextNode.isTextNode(child)) return [];
      if (!glassEasel.NativeNode.isNativeNode(child)) return screen(child);
      const attrs = Object.fromEntries(child.attributes.map(({ name, value }) => [name, value]));
      const texts = child.childNodes.filter(glassEasel.TextNode.isTextNode).map(({ textContent }) => textContent.trim());
      return [{ tag: child.is, attrs: { ...attrs, id: child.id }, text: texts.join(''), node: child }, ...screen(child)];
    });
  }

  const label = ({ attrs, text }) => attrs['aria-label'] ?? text;
  const find = (tag, name) => screen().find((element) => element.tag === tag && label(element) === name);
  const button = (name) => find('button', name);
  const fire = (node, type, detail = {}) => glassEasel.triggerEvent(node, type, detail);

  /** 提交按钮所在的表单。 */
  function submit(node) {
    let form = node;
    while (form.is !== 'form') form = form.parentNode;
    const value = {};
    for (const { tag, attrs, node: input } of screen(form)) {
      if (tag === 'input') value[attrs.name] = current().typed.get(input) ?? attrs.value;
    }
    fire(form, 'submit', { value });
  }

  return {
    show,
    /** 系统的返回手势。 */
    back: () => run(back),
    name: () => current().name,
    screen,
    button,
    input: (name) => find('input', name)?.attrs.value,
    sees: (text) => screen().some((element) => element.text.includes(text)),

    /** 在输入框中输入文字。 */
    type(name, text) {
      const { node } = find('input', name) ?? assert.fail(`找不到输入框：${name}`);
      fire(node, 'focus');
      current().typed.set(node, text);
    },

    /**
     * 点击按钮。times 次点击都发生在视图更新之前；before 在点击之前执行，此时视图尚未更新；meanwhile 在授权弹窗打开时执行。
     * @param {string} name
     * @param {{ times?: number, before?: () => Promise<void>, meanwhile?: () => Promise<void>, refuse?: boolean, generation?: string }} [options]
     */
    async tap(name, { times = 1, before, meanwhile, ...how } = {}) {
      const { attrs, node } = button(name) ?? assert.fail(`找不到按钮：${name}`);
      assert.ok(!attrs.disabled, `按钮不可点击：${name}`);
      if (before) await before();
      const openType = attrs['open-type'];
      const running = [];
      for (let i = 0; i < times; i++) {
        phone.log.push({ name: `tap ${openType ?? name}`, refused: how.refuse });
        running.push(run(() => fire(node, 'tap')));
        if (attrs['form-type'] === 'submit') running.push(run(() => submit(node)));
      }
      if (openType) {
        const details = [];
        for (let i = 0; i < times; i++) details.push(await phone.detail(openType, { ...how, buttonId: attrs.id }));
        await meanwhile?.();
        for (const detail of details) running.push(run(() => fire(node, openType.toLowerCase(), detail)));
      }
      await Promise.all(running);
    },
  };
}

module.exports = { root, pages, componentsOf, read, launch };
