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

before(async () => {
  server = await startServer();
  config.baseURL = server.url;
  mock.method(console, 'warn', () => {});
});

after(() => server?.stop());

/** 在新手机上打开页面。 */
async function open() {
  phone = await newPhone(server.url);
  return launch(phone);
}

/** 登录。登录后打开头像和昵称页时，返回。 */
async function signIn(page, how) {
  await page.tap('微信登录', how);
  if (page.name() === 'pages/profile/profile') await page.back();
}

async function openSignedIn() {
  const page = await open();
  await signIn(page);
  phone.forget();
  return page;
}

afterEach(() => checkCodes(phone.log));

describe('登录', () => {
  test('先获取 code，点击后发送，然后更换', async () => {
    const page = await open();
    await signIn(page);
    assert.deepEqual(phone.names(), ['wx.login', 'tap getUserInfo', 'POST /api/login', '200', 'wx.login']);
    assert.ok(page.sees('微信用户'), '微信现在返回匿名昵称');
    assert.ok(page.sees('尚未绑定手机号'));
    assert.ok(phone.storage.get('token'));
    assert.ok(!page.button('微信登录'));
  });

  test('旧版微信返回真实昵称', async () => {
    const page = await open();
    await signIn(page, { generation: 'old' });
    assert.ok(page.sees(phone.nickName));
  });

  test('再次打开页面时保持登录状态', async () => {
    await openSignedIn();
    const page = await launch(phone);
    assert.deepEqual(phone.names(), ['GET /api/me', '200', 'wx.login']);
    assert.ok(page.sees('微信用户'));
  });

  test('双击只发一个请求', async () => {
    const page = await open();
    await signIn(page, { times: 2 });
    assert.equal(phone.names().filter((name) => name === 'POST /api/login').length, 1);
    assert.ok(page.sees('微信用户'));
    assert.ok(!page.sees('请再点一次'));
  });

  for (const broken of [['setStorageSync'], ['setStorageSync', 'getStorageSync', 'removeStorageSync']]) {
    test(`本机存储不可用（${broken.join('、')}）：token 保存在内存中，登录有效`, async () => {
      const page = await open();
      const working = { ...phone.wx };
      for (const name of broken) {
        phone.wx[name] = () => {
          throw new Error(`${name}:fail exceed storage max size`);
        };
      }
      await signIn(page);
      assert.ok(page.sees('微信用户'));
      assert.ok(!page.sees('fail'), '不显示微信的原文');
      assert.equal(phone.storage.has('token'), false);
      await page.tap('绑定手机号');
      assert.ok(page.sees(phone.phoneNumber), '请求带有内存中的 token');
      await page.tap('退出登录');
      assert.ok(page.button('微信登录'));
      assert.deepEqual(phone.names(), [
        'wx.login', 'tap getUserInfo', 'POST /api/login', '200', 'wx.login',
        'tap getPhoneNumber', 'POST /api/phone', '200', 'wx.login',
        'tap 退出登录', 'POST /api/logout', '204', 'wx.login',
      ]);
      Object.assign(phone.wx, working);
      await signIn(page);
      assert.ok(page.sees('微信用户'));
      assert.ok(phone.storage.get('token'));
    });
  }

  test('保存失败时，不保留上一个用户的 token', async () => {
    const page = await open();
    phone.storage.set('token', 'another');
    phone.wx.setStorageSync = () => {
      throw new Error('setStorageSync:fail');
    };
    await signIn(page);
    assert.equal(phone.storage.has('token'), false);
  });

  test('删除失败时，退出在本机仍然有效', async () => {
    const page = await openSignedIn();
    phone.wx.removeStorageSync = () => {
      throw new Error('removeStorageSync:fail');
    };
    await page.tap('退出登录');
    assert.ok(page.button('微信登录'));
    assert.deepEqual(phone.names(), ['tap 退出登录', 'POST /api/logout', '204', 'wx.login']);
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });

  test('读取本机存储失败：可以登录', async () => {
    phone = await newPhone(server.url);
    phone.wx.getStorageSync = () => {
      throw new Error('getStorageSync:fail');
    };
    const page = await launch(phone);
    assert.ok(!page.sees('fail'));
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });

  for (const [name, answer] of Object.entries({
    '空的 data': { statusCode: 200, data: null },
    '没有 user': { statusCode: 200, data: {} },
    'error 不完整': { statusCode: 500, data: { error: {} } },
  })) {
    test(`响应无效（${name}）：显示页面自己的提示`, async () => {
      const page = await open();
      const { request } = phone.wx;
      phone.wx.request = (options) => request({ ...options, success: () => options.success(answer) });
      await signIn(page);
      assert.ok(page.sees('再点一次'));
      assert.ok(page.button('微信登录'));
      assert.equal(phone.storage.has('token'), false);
      phone.wx.request = request;
      await signIn(page);
      assert.ok(page.sees('微信用户'));
    });
  }

  test('微信接口抛出异常：显示页面自己的提示', async () => {
    const page = await open();
    const { request } = phone.wx;
    phone.wx.request = ({ data }) => {
      phone.log.push({ name: 'POST /api/login', code: data.code }, { name: '异常' });
      throw new TypeError('request is not a function');
    };
    await signIn(page);
    assert.ok(page.sees('操作未完成'));
    assert.ok(!page.sees('function'));
    phone.wx.request = request;
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });

  test('请求期间按钮不可点击', async () => {
    const page = await open();
    const signingIn = signIn(page);
    const states = [];
    const { login, request } = phone.wx;
    phone.wx.request = (options) => {
      states.push(page.button('微信登录')?.attrs.disabled);
      request(options);
    };
    phone.wx.login = (options) => {
      states.push(page.button('绑定手机号')?.attrs.disabled);
      login(options);
    };
    await signingIn;
    assert.deepEqual(states, [true, true]);
    assert.equal(page.button('绑定手机号')?.attrs.disabled, false);
  });
});

describe('绑定手机号', () => {
  test('使用登录后更换的 code', async () => {
    const page = await openSignedIn();
    await page.tap('绑定手机号');
    assert.deepEqual(phone.names(), ['tap getPhoneNumber', 'POST /api/phone', '200', 'wx.login']);
    assert.ok(page.sees(phone.phoneNumber));
    assert.ok(!page.button('绑定手机号'));
  });

  test('双击只发一个请求', async () => {
    const page = await openSignedIn();
    await page.tap('绑定手机号', { times: 2 });
    assert.equal(phone.names().filter((name) => name === 'POST /api/phone').length, 1);
    assert.ok(!page.sees('请再点一次'));
  });

  test('手机号已绑定其他账号', async () => {
    const other = await openSignedIn();
    await other.tap('绑定手机号');
    const { phoneNumber } = phone;
    phone = await newPhone(server.url, { phoneNumber });
    const page = await launch(phone);
    await signIn(page);
    await page.tap('绑定手机号');
    assert.ok(page.sees('已绑定其他账号'));
    assert.ok(page.sees('尚未绑定手机号'));
  });
});

describe('用户拒绝', () => {
  for (const [label, prepare] of /** @type {const} */ ([['微信登录', open], ['绑定手机号', openSignedIn]])) {
    test(label, async () => {
      const page = await prepare();
      phone.forget();
      await page.tap(label, { refuse: true });
      assert.equal(phone.names().length, 1, '只有点击，没有请求');
      assert.ok(page.sees('未获得微信授权'));

      await page.tap(label);
      assert.ok(!page.button(label), 'code 没有使用，仍然有效');
      assert.ok(!page.sees('未获得微信授权'));
    });
  }
});

describe('没有 errMsg', () => {
  for (const [label, prepare] of /** @type {const} */ ([['微信登录', open], ['绑定手机号', openSignedIn]])) {
    for (const detail of [{ errMsg: undefined }, { errMsg: null }, undefined]) {
      test(`${label}：${JSON.stringify(detail)}`, async () => {
        const page = await prepare();
        phone.forget();
        const working = phone.detail;
        phone.detail = async () => detail;
        await page.tap(label);
        assert.equal(phone.names().length, 1, '只有点击，没有请求');
        assert.ok(page.sees('未获得微信授权'));
        phone.detail = working;
        await page.tap(label);
        assert.ok(!page.button(label), 'code 没有使用，仍然有效');
      });
    }
  }
});

describe('code', () => {
  for (const [label, prepare] of /** @type {const} */ ([['微信登录', open], ['绑定手机号', openSignedIn]])) {
    test(`${label}：code 已被使用，再点一次即可`, async () => {
      const page = await prepare();
      await phone.spend(phone.lastCode());
      await page.tap(label);
      assert.ok(page.sees('请再点一次'));
      await page.tap(label);
      assert.ok(!page.button(label));
    });
  }

  test('回到页面时，code 快过期才更换', async (t) => {
    const page = await open();
    const opened = Date.now();
    const now = t.mock.method(Date, 'now', () => opened + 3 * 60 * 1000);
    await page.show();
    assert.deepEqual(phone.names(), ['wx.login']);
    now.mock.mockImplementation(() => opened + 5 * 60 * 1000);
    await page.show();
    assert.deepEqual(phone.names(), ['wx.login', 'wx.login']);
    await page.show();
    assert.deepEqual(phone.names(), ['wx.login', 'wx.login'], '更换后重新计时');
  });

  test('请求期间回到页面，不会重复更换', async (t) => {
    const page = await open();
    const opened = Date.now();
    t.mock.method(Date, 'now', () => opened + 5 * 60 * 1000);
    const signingIn = signIn(page);
    const { request } = phone.wx;
    phone.wx.request = (options) => {
      page.show();
      request(options);
    };
    await signingIn;
    assert.deepEqual(phone.names(), ['wx.login', 'tap getUserInfo', 'POST /api/login', '200', 'wx.login']);
  });

  test('授权弹窗打开时切走再回来，不更换 code', async (t) => {
    const page = await openSignedIn();
    const opened = Date.now();
    const now = t.mock.method(Date, 'now', () => opened + 5 * 60 * 1000);
    await page.tap('绑定手机号', { meanwhile: page.show });
    assert.deepEqual(phone.names(), ['tap getPhoneNumber', 'POST /api/phone', '200', 'wx.login']);
    assert.ok(page.sees(phone.phoneNumber));
    phone.forget();
    now.mock.mockImplementation(() => opened + 10 * 60 * 1000);
    await page.show();
    assert.deepEqual(phone.names(), ['wx.login'], '弹窗已关闭');
  });

  test('拒绝授权后回到页面，照常更换 code', async (t) => {
    const page = await open();
    const opened = Date.now();
    t.mock.method(Date, 'now', () => opened + 5 * 60 * 1000);
    await signIn(page, { refuse: true });
    await page.show();
    assert.deepEqual(phone.names(), ['wx.login', 'tap getUserInfo', 'wx.login']);
  });

  test('授权弹窗没有回调：下次点击仍然有效', async (t) => {
    const page = await openSignedIn();
    const opened = Date.now();
    t.mock.method(Date, 'now', () => opened + 5 * 60 * 1000);
    page.tap('绑定手机号', { meanwhile: () => new Promise(() => {}) });
    await page.show();
    assert.deepEqual(phone.names(), ['tap getPhoneNumber'], '弹窗可能还开着');
    await phone.spend(phone.lastCode());
    await page.tap('绑定手机号');
    assert.ok(page.sees('请再点一次'));
    await page.tap('绑定手机号');
    assert.ok(page.sees(phone.phoneNumber));
  });

  test('更换 code 期间点击：提示再点一次', async (t) => {
    const page = await openSignedIn();
    const opened = Date.now();
    t.mock.method(Date, 'now', () => opened + 5 * 60 * 1000);
    const { login } = phone.wx;
    let respondLogin = () => {};
    let shown;
    const before = () =>
      new Promise((answered) => {
        const success = (options) => (answer) => {
          respondLogin = () => options.success(answer);
          answered(undefined);
        };
        phone.wx.login = (options) => login({ ...options, success: success(options) });
        shown = page.show();
      });
    await page.tap('绑定手机号', { before });
    phone.wx.login = login;
    assert.ok(!phone.names().includes('POST /api/phone'));
    respondLogin();
    await shown;
    assert.ok(page.sees('请再点一次'));
    await page.tap('绑定手机号');
    assert.ok(page.sees(phone.phoneNumber));
    assert.ok(!page.sees('请再点一次'));
  });

  for (const fault of ['login', 'no code']) {
    test(`打开页面时 wx.login 失败（${fault}），可以重试`, async () => {
      phone = await newPhone(server.url);
      phone.faults.push(fault);
      const page = await launch(phone);
      assert.ok(page.sees('微信登录失败'));
      assert.ok(page.button('微信登录')?.attrs.disabled);
      await page.tap('重试', { times: 2 });
      assert.equal(phone.names().filter((name) => name === 'wx.login').length, 1);
      assert.ok(!page.sees('微信登录失败'));
      assert.ok(!page.button('重试'));
      await signIn(page);
      assert.ok(page.sees('微信用户'));
    });
  }

  test('wx.login 失败后，回到页面时自动重试', async () => {
    phone = await newPhone(server.url);
    phone.faults.push('login');
    const page = await launch(phone);
    await page.show();
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });

  test('登录成功但更换 code 失败，不影响登录和退出', async () => {
    const page = await open();
    phone.faults.push('login');
    await signIn(page, { generation: 'old' });
    assert.ok(page.sees(phone.nickName));
    assert.ok(page.button('绑定手机号')?.attrs.disabled, '没有新的 code');
    await page.tap('退出登录');
    assert.ok(page.button('微信登录'));
  });
});

describe('登录失效', () => {
  test('打开页面时', async () => {
    phone = await newPhone(server.url);
    phone.storage.set('token', 'nobody');
    const page = await launch(phone);
    assert.equal(phone.storage.has('token'), false);
    assert.ok(page.sees('请重新登录'));
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });

  test('绑定手机号时', async () => {
    const page = await openSignedIn();
    const revoked = await fetch(`${server.url}/api/logout`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${phone.storage.get('token')}` },
    });
    assert.equal(revoked.status, 204);
    await page.tap('绑定手机号');
    assert.equal(phone.storage.has('token'), false);
    assert.ok(page.sees('请重新登录'));
    await signIn(page);
    await page.tap('绑定手机号');
    assert.ok(page.sees(phone.phoneNumber));
  });
});

describe('服务不可用', () => {
  afterEach(() => demo(server.url, '/demo/authing', { down: false }));

  for (const [label, prepare] of /** @type {const} */ ([['微信登录', open], ['绑定手机号', openSignedIn]])) {
    test(`${label}：恢复后再点一次即可`, async () => {
      const page = await prepare();
      await demo(server.url, '/demo/authing', { down: true });
      await page.tap(label);
      assert.ok(page.sees('稍后再试'));
      assert.equal(phone.names().filter((name) => name.startsWith('POST')).length, 1, '不自动重发');
      await demo(server.url, '/demo/authing', { down: false });
      await page.tap(label);
      assert.ok(!page.button(label));
      assert.ok(!page.sees('稍后再试'));
    });
  }

  test('打开页面时获取资料失败：保留 token，下次打开时重试', async () => {
    await openSignedIn();
    await demo(server.url, '/demo/authing', { down: true });
    assert.ok((await launch(phone)).sees('稍后再试'));
    await demo(server.url, '/demo/authing', { down: false });
    assert.ok((await launch(phone)).sees('微信用户'));
  });

  test('打开页面时获取资料失败：可以重新登录', async () => {
    await openSignedIn();
    await demo(server.url, '/demo/authing', { down: true });
    const page = await launch(phone);
    await demo(server.url, '/demo/authing', { down: false });
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });

  test('退出登录只在本机生效', async () => {
    const page = await openSignedIn();
    await demo(server.url, '/demo/authing', { down: true });
    await page.tap('退出登录');
    assert.equal(phone.storage.has('token'), false);
    assert.ok(page.button('微信登录'));
  });
});

describe('收不到响应', () => {
  test('超时比后端长', async () => {
    const page = await openSignedIn();
    const { request } = phone.wx;
    const timeouts = [];
    phone.wx.request = (/** @type {any} */ options) => {
      timeouts.push(options.timeout);
      request(options);
    };
    await page.tap('绑定手机号');
    assert.equal(timeouts.length, 1);
    assert.ok(timeouts[0] > 40_000 && timeouts[0] <= 60_000, String(timeouts[0]));
  });

  for (const [fault, notice] of [['request', '检查网络'], ['response', '检查网络'], ['proxy', '稍后再点'], ['portal', '稍后再点']]) {
    test(`登录：${fault}`, async () => {
      const page = await open();
      phone.faults.push(fault);
      await signIn(page);
      assert.ok(page.sees(notice));
      assert.equal(phone.storage.has('token'), false);
      await signIn(page);
      assert.ok(page.sees('微信用户'));
    });
  }

  test('绑定其实成功：重新获取资料，显示手机号', async () => {
    const page = await openSignedIn();
    phone.faults.push('response');
    await page.tap('绑定手机号');
    assert.ok(page.sees('没有收到服务器的响应'));
    assert.ok(page.sees(phone.phoneNumber));
    assert.ok(!page.button('绑定手机号'), '获取手机号按次收费，不能重复');
  });

  test('绑定请求没有送达：再点一次即可', async () => {
    const page = await openSignedIn();
    phone.faults.push('request');
    await page.tap('绑定手机号');
    assert.ok(!page.sees(phone.phoneNumber));
    await page.tap('绑定手机号');
    assert.ok(page.sees(phone.phoneNumber));
  });

  test('资料也获取失败：只能重试', async () => {
    const page = await openSignedIn();
    phone.faults.push('response', 'request');
    await page.tap('绑定手机号');
    assert.ok(page.button('绑定手机号')?.attrs.disabled, '是否绑定成功未知');
    await page.tap('重试');
    assert.ok(page.sees(phone.phoneNumber));
  });
});

describe('退出', () => {
  test('双击只发一个请求', async () => {
    const page = await openSignedIn();
    await page.tap('退出登录', { times: 2 });
    assert.equal(phone.names().filter((name) => name === 'POST /api/logout').length, 1);
  });

  test('清除 token，可以再次登录', async () => {
    const page = await openSignedIn();
    const token = phone.storage.get('token');
    await page.tap('退出登录');
    assert.deepEqual(phone.names(), ['tap 退出登录', 'POST /api/logout', '204', 'wx.login']);
    assert.equal(phone.storage.has('token'), false);
    assert.ok(!page.sees('微信用户'));
    assert.ok(!page.sees('服务暂时不可用'));
    const me = await fetch(`${server.url}/api/me`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(me.status, 401, 'token 在服务端也已失效');
    await signIn(page);
    assert.ok(page.sees('微信用户'));
  });
});
