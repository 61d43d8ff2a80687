const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { root, pages, componentsOf, read } = require('./app');

const project = path.dirname(root);
const app = JSON.parse(read('app.json'));

test('project.config.json 指向小程序目录', () => {
  const config = JSON.parse(read('../project.config.json'));
  assert.equal(path.resolve(project, config.miniprogramRoot), root);
  assert.equal(config.compileType, 'miniprogram');
});

test('app.json 列出的文件都存在', () => {
  JSON.parse(read(app.sitemapLocation));
  for (const page of pages) {
    for (const ext of ['js', 'json', 'wxml', 'wxss']) assert.ok(fs.existsSync(path.join(root, `${page}.${ext}`)), `${page}.${ext}`);
  }
});

// 绑定的方法名写错时，框架不报错，点击没有反应。
for (const name of new Set([...pages, ...pages.flatMap(componentsOf)])) {
  test(`${name}.wxml 绑定的方法都已定义`, () => {
    const handlers = [...read(`${name}.wxml`).matchAll(/ (?:bind|catch):?\w+="(\w+)"/g)].map((match) => match[1]);
    const source = read(`${name}.js`);
    assert.ok(handlers.length > 0);
    for (const handler of handlers) assert.match(source, new RegExp(`^ +(?:async )?${handler}\\(.*\\) {$`, 'm'));
  });

  test(`${name}.wxml 的每个微信按钮都绑定了对应的事件`, () => {
    for (const [button] of read(`${name}.wxml`).matchAll(/<button[^>]*open-type[^>]*>/g)) {
      const openType = /open-type="(\w+)"/.exec(button)?.[1] ?? '';
      assert.match(button, new RegExp(`bind${openType.toLowerCase()}="`));
    }
  });
}

test('package-lock.json 不包含下载地址', () => {
  assert.doesNotMatch(read('../package-lock.json'), /https?:/);
});
