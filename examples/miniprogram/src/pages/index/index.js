const api = require('../../api');

// code 五分钟后失效。留出一分钟：用户看授权弹窗、请求在路上都要时间。
const CODE_MAX_AGE = 4 * 60 * 1000;

Page({
  data: {
    user: /** @type {import('../../api').User | null} */ (null),
    // ready：有没用过的 code，可以点微信按钮；busy：正在等微信或后端；failed：没取到 code，或资料可能已经过时，只能重试。
    state: /** @type {'' | 'busy' | 'ready' | 'failed'} */ (''),
    notice: '',
  },

  // code 不放进 data：视图用不到，就不该发给视图层。
  code: '',
  codeTime: 0,

  // 点过微信按钮，回调还没有来：授权弹窗可能开着。
  tapped: false,

  // 正在发送 code，或随后换新的：此时来的回调，是双击的第二下。
  spending: false,

  // data.user 与后端一致，不必再取。
  userIsCurrent: false,

  // code 必须在点击之前准备好（打开页面时也会触发 onShow）。在按钮的回调里才调用 wx.login，
  // 可能会更换 session_key，而 e.detail 是用旧的加密的，后端就解不开了。
  // 不用定时器续期也是这个原因：它可能恰好在授权弹窗打开时触发。
  onShow() {
    if (this.data.state === 'busy') return;
    if (this.data.state === 'ready' && (this.tapped || Date.now() - this.codeTime < CODE_MAX_AGE)) return;
    return this.prepare();
  },

  // 先于授权弹窗触发。弹窗开着时用户可以切到别的应用，回来又会触发 onShow。
  // 万一回调始终没有来，也不会卡住：按钮仍然能点，code 过期的话后端会说，随后照常换新的。
  onTap() {
    this.tapped = true;
  },

  onRetry() {
    if (this.data.state === 'busy') return;
    this.setData({ notice: '' });
    return this.prepare();
  },

  /**
   * 登录只需要确认微信身份。这个按钮如今不弹窗，给出的昵称是“微信用户”，头像是灰色的，但加密数据照样能用。
   * 换成 wx.getUserProfile 也没有用：2022 年 11 月 8 日之后发布的版本，它同样只返回匿名资料（基础库低于 2.27.1 的旧客户端除外）。
   * 想要真实头像和昵称，只能请用户用 open-type="chooseAvatar" 的按钮和 type="nickname" 的输入框自己填写；
   * 那是未经微信签名的内容，由后端另外保存（头像还是临时文件，要先上传），不能当作身份凭证。
   * @param {WechatMiniprogram.ButtonGetUserInfo} e
   */
  onUserInfo(e) {
    return this.spendCode(e.detail, api.signIn);
  },

  /**
   * 新版基础库的 e.detail.code 是手机号凭证，不是 wx.login 的 code，不能用它代替 this.code。
   * @param {WechatMiniprogram.ButtonGetPhoneNumber} e
   */
  onPhone(e) {
    return this.spendCode(e.detail, api.bindPhone);
  },

  onSignOut() {
    if (this.data.state === 'busy') return;
    return this.run(async () => {
      try {
        await api.signOut();
      } finally {
        this.setData({ user: null });
      }
    });
  },

  /**
   * @param {import('../../api').Detail} detail
   * @param {typeof api.signIn} call
   */
  async spendCode(detail, call) {
    this.tapped = false;
    // 按钮变灰要等视图层更新，在那之前的点击由这里拦下。
    if (this.data.state !== 'ready') {
      // 不是双击，用户就在等结果，而且手机号的授权已经计费：要告诉他。failed 时页面已经写着原因。
      if (this.data.state === 'busy' && !this.spending) this.setData({ notice: '刚才的点击没有生效，请再点一次。' });
      return;
    }
    // 没有加密数据可发，code 也就没有用掉，可以留到下次点击。
    // 用户拒绝的写法因机型而异，这里不去分辨；其他原因（没有权限、额度用完）留在日志里给开发者看。
    if (!detail.errMsg.endsWith(':ok')) {
      console.warn(detail.errMsg);
      this.setData({ notice: '没有得到微信授权，可以再点一次。' });
      return;
    }
    this.spending = true;
    await this.run(async () => {
      this.setData({ user: await call(this.code, detail) });
      this.userIsCurrent = true;
    });
    this.spending = false;
  },

  /** @param {() => Promise<void>} step */
  async run(step) {
    this.setData({ state: 'busy', notice: '' });
    await this.attempt(step);
    // 不论成败，code 都可能已经用掉：现在就换新的，下一次点击才有可用的。
    await this.prepare();
  },

  /** 为下一次点击做准备：用户资料和新的 code。 */
  async prepare() {
    this.setData({ state: 'busy' });
    await this.attempt(() => this.loadUser());
    const renewed = await this.attempt(() => this.renewCode());
    // 页面上没有资料时不必等它：取不到（例如账号被锁定）也可以重新登录。
    const current = this.userIsCurrent || !this.data.user;
    this.setData({ state: renewed && current ? 'ready' : 'failed' });
  },

  async loadUser() {
    if (this.userIsCurrent || !api.hasToken()) return;
    this.setData({ user: await api.me() });
    this.userIsCurrent = true;
  },

  async renewCode() {
    this.code = await api.newCode();
    this.codeTime = Date.now();
  },

  /**
   * 失败时把原因告诉用户，并按后端的 next 处理。返回是否成功。
   * @param {() => Promise<void>} step
   */
  async attempt(step) {
    try {
      await step();
      return true;
    } catch (err) {
      const { message, next } = /** @type {import('../../api').Failure} */ (err);
      console.warn(err);
      this.setData({ notice: message });
      if (next === 'signin') this.setData({ user: null });
      // 结果可能未知（例如手机号其实已经绑上），所以先重新取一次资料，让用户看到实情再决定要不要再点。
      if (next === 'login') this.userIsCurrent = false;
      return false;
    }
  },
});
