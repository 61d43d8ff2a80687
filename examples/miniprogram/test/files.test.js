const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { root, load } = require('./page');
const wxml = require('./wxml');

const project = path.dirname(root);
const read = (file) => fs.readFileSync(file, 'utf8');
const app = JSON.parse(read(path.join(root, 'app.json')));

test('project.config.json 指向小程序目录', () => {
  const config = JSON.parse(read(path.join(project, 'project.config.json')));
  assert.equal(path.resolve(project, config.miniprogramRoot), root);
  assert.equal(config.compileType, 'miniprogram');
});

test('app.json 列出的文件都存在', () => {
  JSON.parse(read(path.join(root, app.sitemapLocation)));
  for (const page of app.pages) {
    for (const ext of ['js', 'wxml', 'wxss']) assert.ok(fs.existsSync(path.join(root, `${page}.${ext}`)), `${page}.${ext}`);
    JSON.parse(read(path.join(root, `${page}.json`)));
  }
});

for (const page of app.pages) {
  const options = load(`${page}.js`, 'Page');
  const view = wxml.parse(read(path.join(root, `${page}.wxml`)));
  const elements = wxml.all(view);

  test(`${page}.wxml 绑定的方法都已定义`, () => {
    const handlers = elements.flatMap(({ attrs }) =>
      Object.keys(attrs)
        .filter((name) => /^(bind|catch)/.test(name))
        .map((name) => attrs[name]),
    );
    assert.ok(handlers.length > 0);
    for (const name of handlers) assert.equal(typeof options[name], 'function', name);
  });

  test(`${page}.wxml 的每个微信按钮都绑定了对应的事件`, () => {
    const buttons = elements.filter(({ attrs }) => attrs['open-type']);
    assert.deepEqual(buttons.map(({ attrs }) => attrs['open-type']).sort(), ['getPhoneNumber', 'getUserInfo']);
    for (const { attrs } of buttons) {
      assert.ok(attrs[`bind${attrs['open-type'].toLowerCase()}`], attrs['open-type']);
      assert.equal(attrs.bindtap, 'onTap', attrs['open-type']);
    }
  });

  test(`${page}.wxml 只使用 data 中的变量`, () => {
    wxml.render(view, options.data);
    wxml.render(view, { ...options.data, user: { photo: 'x' }, notice: 'x', state: 'failed' });
  });
}

test('package-lock.json 不包含下载地址', () => {
  assert.doesNotMatch(read(path.join(project, 'package-lock.json')), /https?:/);
});
