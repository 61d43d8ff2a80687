const api = require('../../api');
const config = require('../../config');

// 微信给所有用户返回的昵称。使用 authingv3 包时，新用户没有昵称。
const ANONYMOUS = ['微信用户', ''];

// code 的有效期是五分钟，预留一分钟给授权弹窗和网络请求。
const CODE_MAX_AGE = 4 * 60 * 1000;

Page({
  data: {
    user: /** @type {import('../../api').User | null} */ (null),
    // ready：有未使用的 code，可以点击微信按钮；busy：正在等待微信或后端；failed：没有取到 code，或用户资料可能已过时，只能重试。
    state: /** @type {'' | 'busy' | 'ready' | 'failed'} */ (''),
    notice: '',
    v3: config.generation === 'v3',
  },

  // 视图用不到 code，所以不放进 data。
  code: '',
  codeTime: 0,

  // 已点击微信按钮，还没有收到回调：授权弹窗可能开着。
  tapped: false,

  // 正在发送或更换 code：此时收到的回调来自双击的第二次点击。
  submitting: false,

  // data.user 与后端一致，无需重新获取。
  userIsFresh: false,

  // 打开页面后还没有取得过 code，取得后可以自动登录一次。
  opening: true,

  // code 必须在点击之前获取（打开页面时也会触发 onShow）。如果在按钮的回调里才调用 wx.login，
  // session_key 可能会更换，而 e.detail 是用旧的 session_key 加密的，后端就无法解密。
  // 不用定时器更换 code 也是这个原因：它可能恰好在授权弹窗打开时触发。
  onShow() {
    if (this.data.state === 'busy') return;
    if (this.data.state === 'ready' && (this.tapped || Date.now() - this.codeTime < CODE_MAX_AGE)) return;
    return this.prepare();
  },

  // 在授权弹窗之前触发。弹窗打开时，用户可能切到其他应用，回来时会触发 onShow。
  // 即使一直没有收到回调，页面也不会卡住：按钮仍可点击；如果 code 已过期，后端会返回错误，然后照常更换。
  onTap() {
    this.tapped = true;
  },

  onRetry() {
    if (this.data.state === 'busy') return;
    this.setData({ notice: '' });
    return this.prepare();
  },

  /**
   * 用户池除了 code 还要 e.detail 中的加密数据，只能由按钮取得，所以要点一次；按钮现在不会弹窗，
   * 返回的昵称是“微信用户”，头像是灰色的。
   * @param {WechatMiniprogram.ButtonGetUserInfo} e
   */
  async onUserInfo(e) {
    await this.submitCode(e.detail, api.signIn);
    this.askForProfile();
  },

  /** 使用 authingv3 包时只要 code，通常已自动登录。用户退出后，或自动登录失败后，才需要点这个按钮。 */
  async onSignIn() {
    if (this.data.state !== 'ready') return;
    await this.useCode(api.signIn);
    this.askForProfile();
  },

  /** 登录只需要微信身份，昵称和头像由用户自己填写。自动登录后不打断用户，不会走到这里。 */
  askForProfile() {
    if (this.data.user && ANONYMOUS.includes(this.data.user.nickname)) this.onProfile();
  },

  /**
   * 新版基础库的 e.detail.code 是手机号凭证，不是 wx.login 的 code，不能代替 this.code。
   * @param {WechatMiniprogram.ButtonGetPhoneNumber} e
   */
  onPhone(e) {
    return this.submitCode(e.detail, api.bindPhone);
  },

  /** 打开头像和昵称页。用户可以跳过，以后再改。 */
  onProfile() {
    const { user } = this.data;
    if (!user) return;
    const nickname = ANONYMOUS.includes(user.nickname) ? '' : user.nickname;
    wx.navigateTo({
      url: `/pages/profile/profile?nickname=${encodeURIComponent(nickname)}&photo=${encodeURIComponent(user.photo)}`,
      events: {
        // null：登录已失效。
        /** @param {import('../../api').User | null} changed */
        changed: (changed) => this.setData({ user: changed }),
      },
    });
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
  async submitCode(detail, call) {
    this.tapped = false;
    // 按钮置灰要等视图层更新，这之前的点击在这里拦截。
    if (this.data.state !== 'ready') {
      // 如果不是双击，用户正在等待结果，而且手机号授权已经计费，需要提示。failed 状态下页面已显示原因。
      if (this.data.state === 'busy' && !this.submitting) this.setData({ notice: '刚才的点击没有生效，请再点一次。' });
      return;
    }
    // 没有加密数据，也就没有使用 code，可以留到下次点击。
    // 用户拒绝时的 errMsg 因机型而异，这里不作区分；其他原因（没有权限、额度用完）写入日志，供开发者排查。
    // 没有 errMsg 时后端会拒绝，同样不必发送。
    if (!String(detail && detail.errMsg).endsWith(':ok')) {
      console.warn(detail && detail.errMsg);
      this.setData({ notice: '未获得微信授权，可以再点一次。' });
      return;
    }
    await this.useCode((/** @type {string} */ code) => call(code, detail));
  },

  /** @param {(code: string) => Promise<import('../../api').User>} call */
  async useCode(call) {
    this.submitting = true;
    await this.run(async () => {
      this.setData({ user: await call(this.code) });
      this.userIsFresh = true;
    });
    this.submitting = false;
  },

  /** @param {() => Promise<void>} step */
  async run(step) {
    this.setData({ state: 'busy', notice: '' });
    await this.attempt(step);
    // 不论成败，code 都可能已经使用，所以立即更换，供下次点击使用。
    await this.prepare();
  },

  /** 为下一次点击做准备：获取用户资料和新的 code。 */
  async prepare() {
    this.setData({ state: 'busy' });
    await this.attempt(() => this.loadUser());
    const renewed = await this.attempt(() => this.renewCode());
    if (renewed && this.opening) {
      this.opening = false;
      // 每次打开只尝试一次，失败时显示登录按钮。用户主动退出后，由用户决定何时再登录。
      if (this.data.v3 && !api.hasToken() && !api.isSignedOut()) {
        await this.useCode(api.signIn);
        return;
      }
    }
    // 页面没有显示资料时不要求获取成功：获取失败（例如账号被锁定）时也可以重新登录。
    const fresh = this.userIsFresh || !this.data.user;
    this.setData({ state: renewed && fresh ? 'ready' : 'failed' });
  },

  async loadUser() {
    if (this.userIsFresh || !api.hasToken()) return;
    this.setData({ user: await api.me() });
    this.userIsFresh = true;
  },

  async renewCode() {
    this.code = await api.newCode();
    this.codeTime = Date.now();
  },

  /**
   * 执行 step，失败时提示用户，并按后端返回的 next 处理。返回是否成功。
   * @param {() => Promise<void>} step
   */
  async attempt(step) {
    try {
      await step();
      return true;
    } catch (err) {
      const { message, next } = api.describe(err);
      this.setData({ notice: message });
      if (next === 'signin') this.setData({ user: null });
      // 结果可能未知（例如手机号其实已经绑定），所以重新获取资料，让用户看到实际状态后再决定是否重试。
      if (next === 'login') this.userIsFresh = false;
      return false;
    }
  },
});
