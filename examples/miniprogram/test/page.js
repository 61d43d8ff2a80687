const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const wxml = require('./wxml');

const root = path.join(__dirname, '../src');

/** 像框架那样执行一个源文件，取得它交给 App 或 Page 的对象。 */
function load(name, register) {
  const file = require.resolve(path.join(root, name));
  const registered = [];
  globalThis[register] = (options) => registered.push(options);
  delete require.cache[file];
  require(file);
  delete globalThis[register];
  assert.equal(registered.length, 1, `${name} 应当调用一次 ${register}()`);
  return registered[0];
}

/** 页面实例：方法共用，其余属性每个实例一份。 */
function instantiate(options) {
  const page = { data: {} };
  for (const [name, value] of Object.entries(options)) page[name] = typeof value === 'function' ? value : structuredClone(value);
  page.setData = (patch) => {
    for (const [name, value] of Object.entries(patch)) {
      assert.match(name, /^\w+$/, '替身不懂数据路径');
      assert.notEqual(value, undefined, `setData 不接受 undefined：${name}`);
      page.data[name] = structuredClone(value);
    }
  };
  return page;
}

/** 打开 app.json 里的第一个页面，等它准备好。 */
async function openPage(phone) {
  globalThis.wx = phone.wx;
  load('app.js', 'App');
  const name = JSON.parse(fs.readFileSync(path.join(root, 'app.json'), 'utf8')).pages[0];
  const view = wxml.parse(fs.readFileSync(path.join(root, `${name}.wxml`), 'utf8'));
  const page = instantiate(load(`${name}.js`, 'Page'));
  const screen = () => wxml.render(view, page.data);

  const show = () => page.onShow?.();
  await Promise.all([page.onLoad?.({}), show()]);

  const button = (label) => screen().find(({ tag, text }) => tag === 'button' && text === label);

  return {
    show,
    button,
    sees: (text) => screen().some((element) => element.text.includes(text)),

    /**
     * 点按钮，times 次点击都赶在视图更新之前；before 发生在点击之前，视图还来不及更新，meanwhile 发生在授权弹窗开着时。
     * @param {string} label
     * @param {{ times?: number, before?: () => Promise<void>, meanwhile?: () => Promise<void>, refuse?: boolean, generation?: string }} [options]
     */
    async tap(label, { times = 1, before, meanwhile, ...how } = {}) {
      const { attrs } = button(label) ?? assert.fail(`看不到按钮：${label}`);
      assert.ok(!attrs.disabled, `按钮不能点：${label}`);
      if (before) await before();
      const openType = attrs['open-type'];
      const running = [];
      for (let i = 0; i < times; i++) {
        phone.log.push({ name: `tap ${openType ?? label}`, refused: how.refuse });
        running.push(page[attrs.bindtap]({ type: 'tap', detail: {} }));
      }
      if (openType) {
        const type = openType.toLowerCase();
        const details = [];
        for (let i = 0; i < times; i++) details.push(await phone.detail(openType, how));
        await meanwhile?.();
        for (const detail of details) running.push(page[attrs[`bind${type}`]]({ type, detail }));
      }
      await Promise.all(running);
    },
  };
}

module.exports = { root, load, openPage };
