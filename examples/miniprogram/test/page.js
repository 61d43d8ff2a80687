const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const wxml = require('./wxml');

const root = path.join(__dirname, '../src');

/** 像框架一样执行源文件，返回传给 App 或 Page 的对象。 */
function load(name, register) {
  const file = require.resolve(path.join(root, name));
  const registered = [];
  globalThis[register] = (options) => registered.push(options);
  delete require.cache[file];
  require(file);
  delete globalThis[register];
  assert.equal(registered.length, 1, `${name} 应调用一次 ${register}()`);
  return registered[0];
}

/** 创建页面实例：方法共用，其他属性每个实例独立。 */
function instantiate(options) {
  const page = { data: {} };
  for (const [name, value] of Object.entries(options)) page[name] = typeof value === 'function' ? value : structuredClone(value);
  page.setData = (patch) => {
    for (const [name, value] of Object.entries(patch)) {
      assert.match(name, /^\w+$/, '不支持数据路径');
      assert.notEqual(value, undefined, `setData 不接受 undefined：${name}`);
      page.data[name] = structuredClone(value);
    }
  };
  return page;
}

/** 打开 app.json 中的第一个页面，等待就绪。 */
async function openPage(phone) {
  globalThis.wx = phone.wx;
  load('app.js', 'App');
  // 小程序重新启动，内存中的数据不再保留。
  delete require.cache[require.resolve(path.join(root, 'api.js'))];
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
     * 点击按钮。times 次点击都发生在视图更新之前；before 在点击之前执行，此时视图尚未更新；meanwhile 在授权弹窗打开时执行。
     * @param {string} label
     * @param {{ times?: number, before?: () => Promise<void>, meanwhile?: () => Promise<void>, refuse?: boolean, generation?: string }} [options]
     */
    async tap(label, { times = 1, before, meanwhile, ...how } = {}) {
      const { attrs } = button(label) ?? assert.fail(`找不到按钮：${label}`);
      assert.ok(!attrs.disabled, `按钮不可点击：${label}`);
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
