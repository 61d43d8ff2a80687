const assert = require('node:assert/strict');
const { after, afterEach, before, describe, mock, test } = require('node:test');
const config = require('../src/config');
const { launch } = require('./app');
const { startServer } = require('./server');
const { checkCodes, demo, newPhone } = require('./wx');

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof newPhone>>} */
let phone;
/** 请求的内容，按顺序。 @type {any[]} */
let bodies;

before(async () => {
  server = await startServer();
  config.baseURL = `${server.url}/v3`;
  config.generation = 'v3';
  mock.method(console, 'warn', () => {});
});

after(() => server?.stop());

afterEach(() => checkCodes(phone.log));

/** 换一部新手机，用户还没有打开过小程序。 */
async function unbox() {
  phone = await newPhone(server.url);
  bodies = [];
  const { request } = phone.wx;
  phone.wx.request = (options) => {
    bodies.push(options.data);
    request(options);
  };
}

/** 在新手机上打开页面，此时已自动登录。 */
async function openSignedIn() {
  await unbox();
  const page = await launch(phone);
  phone.forget();
  return page;
}

const setDown = (down) => demo(server.url, '/demo/authing', { down });

describe('自动登录', () => {
  afterEach(() => setDown(false));

  test('取得 code 后立即登录，只发送 code', async () => {
    await unbox();
    const page = await launch(phone);
    assert.deepEqual(phone.names(), ['wx.login', 'POST /v3/api/login', '200', 'wx.login']);
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(bodies[0]))), ['code']);
    assert.ok(phone.storage.get('token'));
    assert.ok(page.sees('未填写昵称'));
    assert.equal(page.name(), 'pages/index/index', '不打断用户');
    assert.equal(page.button('绑定手机号')?.attrs.disabled, false);
  });

  test('有 token 时不登录', async () => {
    await openSignedIn();
    const page = await launch(phone);
    assert.deepEqual(phone.names(), ['GET /v3/api/me', '200', 'wx.login']);
    await page.show();
    assert.equal(phone.names().length, 3);
  });

  test('token 已失效：重新登录', async () => {
    await unbox();
    phone.storage.set('token', 'expired');
    const page = await launch(phone);
    assert.deepEqual(phone.names(), ['GET /v3/api/me', '401', 'wx.login', 'POST /v3/api/login', '200', 'wx.login']);
    assert.ok(page.button('绑定手机号'));
    assert.ok(!page.sees('请重新登录'));
  });

  test('退出后不再自动登录，由用户点击', async () => {
    const opened = await openSignedIn();
    await opened.tap('退出登录');
    assert.deepEqual(phone.names(), ['tap 退出登录', 'POST /v3/api/logout', '204', 'wx.login']);
    phone.forget();
    const page = await launch(phone);
    assert.deepEqual(phone.names(), ['wx.login'], '重新打开也不登录');
    await page.tap('微信登录', { times: 2 });
    assert.equal(phone.names().filter((name) => name === 'POST /v3/api/login').length, 1);
    assert.equal(page.name(), 'pages/profile/profile', '新用户没有昵称');
    assert.equal(page.input('昵称'), '');

    phone.storage.set('token', 'expired');
    assert.ok((await launch(phone)).button('绑定手机号'), '再次登录后恢复自动登录');
  });

  test('Authing 不可用：显示登录按钮，不自动重试', async () => {
    await unbox();
    await setDown(true);
    const page = await launch(phone);
    assert.ok(page.sees('稍后再试'));
    await page.show();
    assert.deepEqual(phone.names(), ['wx.login', 'POST /v3/api/login', '503', 'wx.login']);
    await setDown(false);
    await page.tap('微信登录');
    assert.ok(phone.storage.get('token'));
  });

  test('Authing 不可用时有 token：保留 token', async () => {
    await openSignedIn();
    await setDown(true);
    const page = await launch(phone);
    assert.ok(page.sees('稍后再试'));
    assert.deepEqual(phone.names(), ['GET /v3/api/me', '503', 'wx.login']);
  });

  test('收不到响应：不用同一个 code 重发', async () => {
    await unbox();
    phone.faults.push('response');
    const page = await launch(phone);
    assert.ok(page.sees('没有收到服务器的响应'));
    assert.deepEqual(phone.names(), ['wx.login', 'POST /v3/api/login', 'request:fail timeout', 'wx.login']);
    await page.tap('微信登录');
    assert.ok(phone.storage.get('token'));
  });

  test('code 已被使用：点一次即可', async () => {
    await unbox();
    const { login } = phone.wx;
    phone.wx.login = (options) => {
      phone.wx.login = login;
      login({ ...options, success: (result) => phone.spend(result.code).then(() => options.success(result)) });
    };
    const page = await launch(phone);
    assert.ok(page.sees('再点一次'));
    await page.tap('微信登录');
    assert.ok(phone.storage.get('token'));
  });

  test('wx.login 失败：重试后自动登录', async () => {
    await unbox();
    phone.faults.push('login');
    const page = await launch(phone);
    assert.ok(page.sees('微信登录失败'));
    assert.ok(page.button('微信登录')?.attrs.disabled);
    await page.tap('重试');
    assert.ok(page.button('绑定手机号'));
  });
});

describe('绑定手机号', () => {
  test('按钮的 code 和新的 wx.login code 一起发送，之后使用新的 token', async () => {
    const page = await openSignedIn();
    const token = phone.storage.get('token');
    await page.tap('绑定手机号');
    assert.deepEqual(phone.names(), ['tap getPhoneNumber', 'POST /v3/api/phone', '200', 'wx.login']);
    const { code, detail } = bodies[1];
    assert.ok(detail.code);
    assert.notEqual(detail.code, code);
    assert.ok(page.sees(phone.phoneNumber));
    assert.notEqual(phone.storage.get('token'), token);
    await page.tap('退出登录');
    assert.equal(phone.names().at(-2), '204');
  });

  test('用户拒绝', async () => {
    const page = await openSignedIn();
    await page.tap('绑定手机号', { refuse: true });
    assert.equal(phone.names().length, 1, '只有点击，没有请求');
    await page.tap('绑定手机号');
    assert.ok(page.sees(phone.phoneNumber));
  });

  test('登录已失效：由用户点击登录', async () => {
    const page = await openSignedIn();
    phone.storage.set('token', 'expired');
    await page.tap('绑定手机号');
    assert.ok(page.sees('请重新登录'));
    assert.deepEqual(phone.names(), ['tap getPhoneNumber', 'POST /v3/api/phone', '401', 'wx.login']);
    await page.tap('微信登录');
    assert.ok(phone.storage.get('token'));
  });
});
