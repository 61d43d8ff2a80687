package authingtest

import "net/http"

// envelope wraps every REST response. An error has the same form, over GraphQL too.
type envelope struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

func success(data any) reply {
	return reply{status: http.StatusOK, body: jsonText(envelope{200, "ok", data})}
}

// newError returns the Authing error with the given code.
func newError(code int) *envelope { return &envelope{Code: code, Message: errorMessage(code)} }

// reply formats the error for a REST endpoint. The HTTP status of errors is not known for certain.
func (e *envelope) reply() reply { return reply{status: http.StatusOK, body: jsonText(e)} }

// asData formats the error for GraphQL calls that report it inside data.
func (e *envelope) asData() object {
	return object{"code": e.Code, "message": e.Message, "status": false}
}

// errorMessage returns the message of a code in Authing's list of error codes.
func errorMessage(code int) string {
	switch code {
	case 1000:
		return "系统繁忙，请稍后再试"
	case 1001:
		return "无权限执行此项操作"
	case 1635:
		return "个人（个人中心绑定）MFA"
	case 2000:
		return "账号异常，需要输入验证码"
	case 2001:
		return "验证码验证失败(验证码错误)"
	case 2003:
		return "注册或登录时邮箱格式不正确"
	case 2004:
		return "用户不存在"
	case 2005:
		return "用户已被锁定"
	case 2006:
		return "密码不正确"
	case 2011:
		return "应用不存在"
	case 2016:
		return "解密客户端密码出错"
	case 2020:
		return "尚未登录，无权限访问此请求"
	case 2023:
		return "用户邮箱验证失败，原因：验证链接已过期，需重新发送"
	case 2026:
		return "用户已存在，请不要重复注册"
	case 2027:
		return "OAuth注册，但尝试用密码登录，因未设置密码，无法验证，请通过OAuth登录"
	case 2028:
		return "请提供正确的手机号或邮箱"
	case 2029:
		return "密码长度不能少于 6 位"
	case 2032:
		return "注册时需要密码"
	case 2034:
		return "用户名已存在"
	case 2035:
		return "手机号已绑定"
	case 2100:
		return "注册过于频繁，请稍候再试"
	case 2200:
		return "该邮箱已存在，请换一个吧"
	case 2201:
		return "请输入原始密码"
	case 2202:
		return "修改的信息不属于当前用户"
	case 2203:
		return "原始密码错误"
	case 2204:
		return "邮箱格式不正确"
	case 2205:
		return "缺少参数：registerInClient"
	case 2206:
		return "登录信息已过期, 需重新登录"
	case 2207:
		return "登录信息有误, 需重新登录"
	case 2217:
		return "当尝试解绑第三方OAuth登录方式或邮箱时，只有一种登录方式，故不能解绑"
	case 2219:
		return "当尝试解绑邮箱时，此用户没有绑定邮箱"
	case 2221:
		return "当尝试更新 OAuth 应用时，应用不存在"
	case 2224:
		return "用户池不存在"
	case 2225:
		return "updateUser 接口不能直接修改邮箱，请使用 updateEmail 接口"
	case 2226:
		return "updateUser 接口不能直接修改手机号，请使用 updatePhone 接口"
	case 2231:
		return "请求参数不全！"
	case 2300:
		return "验证码过期"
	}
	return "请求失败"
}

// object is a JSON object: GraphQL arguments, a resolved value or part of a response.
type object = map[string]any
