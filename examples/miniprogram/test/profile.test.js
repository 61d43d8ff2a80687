const assert = require('node:assert/strict');
const { after, before, describe, mock, test } = require('node:test');
const config = require('../src/config');
const { launch } = require('./app');
const { startServer } = require('./server');
const { demo, newPhone } = require('./wx');

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof newPhone>>} */
let phone;

before(async () => {
  server = await startServer();
  config.baseURL = server.url;
  mock.method(console, 'warn', () => {});
});

after(() => server?.stop());

/** 登录；微信返回匿名昵称，所以接着打开头像和昵称页。 */
async function open() {
  phone = await newPhone(server.url);
  const app = await launch(phone);
  await app.tap('微信登录');
  assert.equal(app.name(), 'pages/profile/profile');
  phone.forget();
  return app;
}

const shownPicture = (app) => app.screen().find(({ tag }) => tag === 'image')?.attrs.src;

describe('头像和昵称', () => {
  test('保存后返回，首页显示新的头像和昵称', async () => {
    const app = await open();
    assert.equal(app.input('昵称'), '', '不显示微信的匿名昵称');
    await app.tap('选择头像');
    assert.match(shownPicture(app), /picture$/, '选择后立即显示');
    app.type('昵称', ' 林小雨 ');
    assert.deepEqual(phone.names(), ['tap chooseAvatar'], '保存之前不发送');
    await app.tap('保存');
    assert.deepEqual(phone.names().slice(1), ['tap 保存', 'POST /api/avatar', '200', 'PUT /api/me', '200']);
    assert.equal(app.name(), 'pages/index/index');
    assert.ok(app.sees('林小雨'));
    assert.match(shownPicture(app), /\/cdn\/avatar\//);
  });

  test('跳过：什么都不发送', async () => {
    const app = await open();
    await app.tap('选择头像');
    app.type('昵称', '林小雨');
    await app.tap('跳过');
    assert.deepEqual(phone.names(), ['tap chooseAvatar', 'tap 跳过']);
    assert.ok(app.sees('微信用户'));
    assert.ok(app.button('绑定手机号'), '不填也能继续');
  });

  test('只选头像', async () => {
    const app = await open();
    await app.tap('选择头像');
    await app.tap('保存');
    assert.deepEqual(phone.names().slice(2), ['POST /api/avatar', '200']);
    assert.ok(app.sees('微信用户'));
  });

  test('只填昵称', async () => {
    const app = await open();
    app.type('昵称', '林小雨');
    await app.tap('保存');
    assert.deepEqual(phone.names().slice(1), ['PUT /api/me', '200']);
    assert.ok(app.sees('林小雨'));
  });

  test('都不填，直接保存', async () => {
    const app = await open();
    await app.tap('保存');
    assert.deepEqual(phone.names(), ['tap 保存']);
    assert.equal(app.name(), 'pages/index/index');
  });

  test('从首页修改：显示现在的昵称，没有改动时不发送', async () => {
    const app = await open();
    app.type('昵称', 'A&b=c? 雨');
    await app.tap('选择头像');
    await app.tap('保存');
    await app.tap('修改头像和昵称');
    assert.equal(app.input('昵称'), 'A&b=c? 雨');
    assert.match(shownPicture(app), /\/cdn\/avatar\//);
    phone.forget();
    await app.tap('保存');
    assert.deepEqual(phone.names(), ['tap 保存']);
  });

  test('旧版微信返回真实昵称：不打开这一页', async () => {
    phone = await newPhone(server.url);
    const app = await launch(phone);
    await app.tap('微信登录', { generation: 'old' });
    assert.equal(app.name(), 'pages/index/index');
  });

  test('取消选择图片', async () => {
    const app = await open();
    const before = shownPicture(app);
    await app.tap('选择头像', { refuse: true });
    assert.equal(shownPicture(app), before);
    await app.tap('保存');
    assert.ok(!phone.names().includes('POST /api/avatar'));
  });

  test('双击保存只发一次', async () => {
    const app = await open();
    app.type('昵称', '林小雨');
    await app.tap('保存', { times: 2 });
    assert.equal(phone.names().filter((name) => name === 'PUT /api/me').length, 1);
  });
});

describe('保存失败', () => {
  for (const [fault, notice] of [['request', '检查网络'], ['response', '检查网络'], ['proxy', '稍后再点'], ['portal', '稍后再点']]) {
    test(`上传头像：${fault}`, async () => {
      const app = await open();
      await app.tap('选择头像');
      phone.faults.push(fault);
      await app.tap('保存');
      assert.ok(app.sees(notice));
      assert.equal(app.name(), 'pages/profile/profile');
      await app.tap('保存');
      assert.match(shownPicture(app), /\/cdn\/avatar\//);
    });
  }

  test('昵称不符合要求：显示后端的提示，不重复上传头像', async () => {
    const app = await open();
    await app.tap('选择头像');
    app.type('昵称', '林\u0000小雨');
    await app.tap('保存');
    assert.ok(app.sees('昵称须为'));
    app.type('昵称', '林小雨');
    await app.tap('保存');
    assert.equal(phone.names().filter((name) => name === 'POST /api/avatar').length, 1);
    assert.ok(app.sees('林小雨'));
    assert.match(shownPicture(app), /\/cdn\/avatar\//);
  });

  test('登录已失效：返回首页后重新登录', async () => {
    const app = await open();
    await fetch(`${server.url}/api/logout`, { method: 'POST', headers: { Authorization: `Bearer ${phone.storage.get('token')}` } });
    app.type('昵称', '林小雨');
    await app.tap('保存');
    assert.ok(app.sees('重新登录'));
    assert.equal(phone.storage.has('token'), false);
    await app.tap('跳过');
    assert.ok(app.button('微信登录'));
  });

  test('Authing 不可用：可以稍后再保存，也可以跳过', async () => {
    const app = await open();
    app.type('昵称', '林小雨');
    await demo(server.url, '/demo/authing', { down: true });
    await app.tap('保存');
    await demo(server.url, '/demo/authing', { down: false });
    assert.ok(app.sees('稍后再试'));
    await app.tap('跳过');
    assert.ok(app.sees('微信用户'));
  });
});

describe('隐私授权', () => {
  /** 打开小程序；用户还没有同意《用户隐私保护指引》。 */
  async function openNew() {
    phone = await newPhone(server.url);
    phone.privacy.needed = true;
    return launch(phone);
  }


  test('同意后，原来的点击继续', async () => {
    const app = await openNew();
    assert.ok(!app.sees('《用户隐私保护指引》'));
    const tapping = app.tap('微信登录');
    assert.ok(app.sees('《用户隐私保护指引》'));
    assert.ok(phone.privacy.shown);
    await app.tap('查看《用户隐私保护指引》');
    assert.ok(phone.names().includes('wx.openPrivacyContract'));
    await app.tap('同意');
    await tapping;
    assert.ok(phone.storage.get('token'));
    assert.ok(!app.sees('《用户隐私保护指引》'));
  });

  test('不同意：没有请求，可以再点', async () => {
    const app = await openNew();
    const tapping = app.tap('微信登录');
    await app.tap('不同意');
    await tapping;
    assert.ok(app.sees('未获得微信授权'));
    assert.ok(!phone.names().includes('POST /api/login'));
    const again = app.tap('微信登录');
    await app.tap('同意');
    await again;
    assert.ok(phone.storage.get('token'));
  });

  test('弹窗出现在当前页面', async () => {
    const app = await open();
    phone.privacy.needed = true;
    const choosing = app.tap('选择头像');
    assert.ok(app.sees('《用户隐私保护指引》'));
    await app.tap('同意');
    await choosing;
    assert.match(shownPicture(app), /picture$/);
    await app.tap('跳过');
    phone.privacy.needed = true;
    const binding = app.tap('绑定手机号');
    assert.ok(app.sees('《用户隐私保护指引》'), '返回后，由首页的弹窗答复');
    await app.tap('同意');
    await binding;
    assert.ok(app.sees(phone.phoneNumber));
  });

  test('输入昵称前询问；不同意也能输入', async () => {
    const app = await open();
    phone.privacy.needed = true;
    app.type('昵称', '林小雨');
    assert.ok(app.sees('《用户隐私保护指引》'));
    await app.tap('不同意');
    await app.tap('保存');
    assert.ok(app.sees('林小雨'));
  });

  test('不支持隐私授权的旧版微信', async () => {
    phone = await newPhone(server.url);
    Object.assign(phone.wx, { onNeedPrivacyAuthorization: undefined, requirePrivacyAuthorize: undefined });
    const app = await launch(phone);
    await app.tap('微信登录');
    app.type('昵称', '林小雨');
    assert.ok(phone.storage.get('token'));
  });
});
