package authing_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/authing-wxapp/authing"
)

// situation is all that decides what a step has to do.
type situation struct {
	recordedCase
	step      recordedStep
	method    method
	given     map[string]any // the options
	in        wxappInput     // of the methods that spend a code
	token     string
	adrift    bool       // the original acts with another token
	deviation *deviation // nil: as recorded
}

func newSituation(c recordedCase, step recordedStep, options any, token string, adrift bool) situation {
	s := situation{recordedCase: c, step: step, method: methods[step.Method], token: token, adrift: adrift}
	s.given, _ = options.(map[string]any)
	if s.spendsCode() {
		s.in, _ = decoded[wxappInput](options) // the call has shown that it can be read
	}
	for _, d := range deviations {
		if d.applies(s) {
			s.deviation = &d
			break
		}
	}
	return s
}

// detailsOf names the methods that spend a code and the errMsg values they take. The original takes the first only;
// decrypt has no detail.
var detailsOf = map[string][]string{
	"loginWithWxapp": {"getUserInfo:ok", "getUserProfile:ok"},
	"bindPhone":      {"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"},
	"getPhone":       {"getPhoneNumber:ok", "getRealtimePhoneNumber:ok"},
	"decrypt":        nil,
}

// deviation is a rule by which Go does something else than the original, or says more about a failure.
type deviation struct {
	reason  string
	applies func(situation) bool
	kind    error  // what the error matches
	unsent  bool   // nothing is sent, whatever was recorded
	quotes  bool   // Error.Message is WeChat's errMsg
	returns string // the result of a success that nothing was sent for

	succeeds bool // with the result in the answer, whatever was recorded
}

// deviations are in order of precedence: the first that applies decides.
var deviations = []deviation{
	{
		reason:  "bindPhone without a token stops; the original rejects but sends all the same",
		applies: func(s situation) bool { return s.isOneOf("bindPhone") && s.token == "" },
		kind:    authing.ErrLoginRequired, unsent: true,
	},
	{
		reason:  "checkLoginStatus without a token knows the answer; the original asks if it still has one",
		applies: func(s situation) bool { return s.isOneOf("checkLoginStatus") && s.token == "" },
		unsent:  true, succeeds: true, returns: `{"code":2020,"status":false,"message":"未登录"}`,
	},
	{
		reason: "a token that cannot stand in a header is refused; the original sends it",
		applies: func(s situation) bool {
			return !s.method.anonymous && strings.ContainsFunc(s.token, func(r rune) bool { return r <= ' ' || r > '~' })
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a refusal of the user has a sentinel of its own; the original rejects with the bare errMsg",
		applies: func(s situation) bool {
			return detailsOf[s.step.Method] != nil && containsAny(s.in.Detail.ErrMsg, "deny", "denied", "cancel")
		},
		kind: authing.ErrUserRefused, unsent: true, quotes: true,
	},
	{
		reason: "a detail that failed, is absent or of another API is a bad argument; the original rejects with errMsg, " +
			"or dies of a TypeError",
		applies: func(s situation) bool {
			accepted := detailsOf[s.step.Method]
			return accepted != nil && !slices.Contains(accepted, s.in.Detail.ErrMsg)
		},
		kind: authing.ErrInvalidArgument, unsent: true, quotes: true,
	},
	{
		reason: "what cannot be a code of wx.login is refused; the original sends it",
		applies: func(s situation) bool {
			code := s.in.Code
			return s.spendsCode() && (code == "" || code == s.in.Detail.PhoneCode ||
				strings.ContainsFunc(code, unicode.IsSpace) || strings.ContainsFunc(code, unicode.IsControl))
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "without iv and ciphertext there is nothing to decrypt; the original sends what there is",
		applies: func(s situation) bool {
			iv, data := s.in.Detail.IV, s.in.Detail.EncryptedData
			if s.isOneOf("decrypt") {
				iv, data = s.in.IV, s.in.EncryptedData
			}
			return s.spendsCode() && (iv == "" || data == "")
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "what a call needs is asked for before sending; the original throws a text, or sends nothing in its place",
		applies: func(s situation) bool {
			return slices.ContainsFunc(s.method.needs, func(name string) bool {
				return s.given[name] == nil || s.given[name] == ""
			})
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "who signs in or registers has a name; the original sends a mutation about nobody",
		applies: func(s situation) bool {
			return s.isOneOf("login", "register") && s.text("email", "username", "unionid") == ""
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "both passwords or none; the original sends a lone old one in clear, and an empty one",
		applies: func(s situation) bool {
			changes := s.given["password"] != nil || s.given["oldPassword"] != nil
			return s.isOneOf("update") && changes && (s.text("password") == "" || s.text("oldPassword") == "")
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a password of more bytes than can be encrypted is refused; the original sends the word false or dies",
		applies: func(s situation) bool {
			const limit = 117 // of a key of 1024 bits
			return s.isOneOf("login", "register", "update", "changePassword") &&
				max(len(s.text("password")), len(s.text("oldPassword"))) > limit
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a texted code that is not all digits, or does not fit an Int, is refused; the original sends what it can " +
			"read",
		applies: func(s situation) bool {
			in, _ := decoded[phoneInput](s.given)
			_, err := strconv.ParseInt(string(in.PhoneCode), 10, 32)
			return s.isOneOf("loginByPhoneCode") && (err != nil || strings.ContainsAny(string(in.PhoneCode), "+-"))
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "a phone number that would change the address is refused; the original sends it",
		applies: func(s situation) bool {
			phone := s.text("phone")
			return s.isOneOf("getVerificationCode") &&
				(phone == "." || phone == ".." || strings.ContainsAny(phone, `/\?#%`))
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "control characters are refused, but in passwords and in texts that are the caller's own; the original " +
			"sends them",
		applies: func(s situation) bool {
			for name, value := range s.given {
				free := slices.Contains([]string{"password", "oldPassword", "oauth", "value"}, name)
				if text, _ := value.(string); !free && strings.ContainsFunc(text, unicode.IsControl) {
					return true
				}
			}
			return false
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "pages are not counted from below zero; the original sends any number",
		applies: func(s situation) bool {
			return s.isOneOf("getAuthedAppList") && min(s.number("page"), s.number("count")) < 0
		},
		kind: authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason:  "without a picture there is nothing to upload; the original waits for ever when the picker is closed",
		applies: func(s situation) bool { return s.isOneOf("changeAvatar") && s.given["picked"] != true },
		kind:    authing.ErrInvalidArgument, unsent: true,
	},
	{
		reason: "details of newer WeChat APIs are sent; the original did not know them, so there is no answer to play",
		applies: func(s situation) bool {
			accepted := detailsOf[s.step.Method]
			return accepted != nil && s.in.Detail.ErrMsg != accepted[0]
		},
		kind: authing.ErrOutcomeUnknown,
	},
	{
		reason: "what the original cannot do by mistake is done, so there is no answer to play: getAuthedAppList uses a " +
			"client that does not exist, sendVerifyEmail one that only _auth makes, changePassword and unbindEmail ask " +
			"for a client that they do not use, and checkLoginStatus does not know of a login by LDAP",
		applies: func(s situation) bool {
			return len(s.step.Sent) == 0 &&
				s.isOneOf("getAuthedAppList", "sendVerifyEmail", "changePassword", "unbindEmail", "checkLoginStatus")
		},
	},
	{
		reason: "a good answer is a success; the original stumbles in loginByLDAP and revokeAuthedApp, waits for ever when " +
			"the list of errors is empty, and rejects when it has lost a token that the caller has",
		applies: func(s situation) bool {
			last, _ := s.reply()
			return !s.succeeded() && last.verdict == good
		},
		succeeds: true,
	},
	{
		reason: "any entry in errors is a failure, and so is a refusal inside data; the original takes an error with code " +
			"200 for a success, and hands the refusal over",
		applies: func(s situation) bool {
			last, _ := s.reply()
			return s.succeeded() && last.verdict == refused
		},
	},
	{
		reason: "a success without what it promises is an error; the original hands over the envelope, null, {} or an " +
			"empty text",
		applies: func(s situation) bool {
			last, _ := s.reply()
			return s.succeeded() && last.verdict != good
		},
		kind: authing.ErrBadResponse,
	},
}

func containsAny(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(s, word) })
}

func (s situation) isOneOf(methods ...string) bool { return slices.Contains(methods, s.step.Method) }

func (s situation) spendsCode() bool {
	_, spends := detailsOf[s.step.Method]
	return spends
}

func (s situation) succeeded() bool { return s.step.Outcome.Kind == "resolved" }

// text returns the first of the options that is a text and not empty.
func (s situation) text(names ...string) string {
	for _, name := range names {
		if text, _ := s.given[name].(string); text != "" {
			return text
		}
	}
	return ""
}

func (s situation) number(name string) float64 {
	n, _ := s.given[name].(float64)
	return n
}

// answer returns the i-th answer. To a request that the original did not send there is none, and the transport closes
// the connection.
func (s situation) answer(i int) serverAnswer {
	if i < len(s.step.Answers) {
		return s.step.Answers[i]
	}
	return serverAnswer{Drop: true}
}

// reply returns what decides about the step, the first answer that is no success or else the last, and how many
// requests that takes.
func (s situation) reply() (last reply, requests int) {
	for i, part := range s.method.parts {
		last = part(s.answer(i))
		if requests = i + 1; last.verdict != good {
			break
		}
	}
	return last, requests
}

// result is what a success has to return.
func (s situation) result() json.RawMessage {
	switch d := s.deviation; {
	case d == nil:
		return s.step.Outcome.Value
	case d.returns != "":
		return json.RawMessage(d.returns)
	}
	last, _ := s.reply()
	return last.result
}
