package authingtest

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

var (
	gender      = enum{"M", "F", "U"}
	updateShape = shape{
		"name": text, "nickname": text, "photo": text, "externalId": text, "birthdate": text, "country": text,
		"province": text, "city": text, "address": text, "streetAddress": text, "postalCode": text, "gender": gender,
		"username": text, "company": text, "customData": anything, "identityNumber": text,
	}
	verifyDeleteShape = shape{
		"verifyMethod*":        enum{"PHONE_PASSCODE", "EMAIL_PASSCODE", "PASSWORD"},
		"phonePassCodePayload": shape{"phoneNumber*": nonEmpty, "passCode*": nonEmpty, "phoneCountryCode": text},
		"emailPassCodePayload": shape{"passCode*": nonEmpty, "email": text},
		"passwordPayload":      shape{"password*": nonEmpty, "passwordEncryptType": passwordEncryption},
	}
	deleteShape = shape{"deleteAccountToken*": nonEmpty}
)

// scopeOf names the scope that shows a field. Fields that are not listed are always shown.
var scopeOf = map[string]string{
	"username": "username", "email": "email", "phone": "phone", "phoneCountryCode": "phone", "externalId": "external_id",
	"address": "address", "country": "address", "province": "address", "city": "address", "streetAddress": "address",
	"postalCode": "address", "formatted": "address", "region": "address", "locality": "address",
	"name": "profile", "nickname": "profile", "photo": "profile", "birthdate": "profile", "company": "profile",
	"givenName": "profile", "familyName": "profile", "middleName": "profile", "profile": "profile",
	"preferredUsername": "profile", "website": "profile", "zoneinfo": "profile", "locale": "profile",
	"identityNumber": "profile",
}

// fields returns the texts of the profile that are not empty.
func (a *account) fields() object {
	fields := maps.Clone(a.details)
	if fields == nil {
		fields = object{}
	}
	for name, value := range map[string]string{
		"username": a.username, "nickname": a.nickname, "photo": a.photo, "company": a.company, "email": a.email,
		"browser": a.browser, "device": a.device, "lastIp": a.lastIP, "phone": strings.TrimPrefix(a.phone, a.countryCode),
	} {
		fields[name] = value
	}
	maps.DeleteFunc(fields, func(_ string, value any) bool { return value == "" })
	if a.phone != "" {
		fields["phoneCountryCode"] = phoneCountry(a.countryCode)
	}
	if fields["gender"] == nil {
		fields["gender"] = "U"
	}
	return fields
}

func (a *account) shownUpdate() time.Time {
	if a.updated.IsZero() {
		return a.signedUp
	}
	return a.updated
}

// v3User is an account in the format of today's API, as far as scope and the flags of get-profile show it.
func (s *Server) v3User(a *account, scope []string, flags map[string]bool) object {
	u := a.fields()
	maps.DeleteFunc(u, func(name string, _ any) bool {
		needed := scopeOf[name]
		return needed != "" && !slices.Contains(scope, needed)
	})
	status := "Activated"
	if a.blocked {
		status = "Suspended"
	}
	maps.Copy(u, object{
		"userId": a.id, "createdAt": isoDate(a.signedUp), "updatedAt": isoDate(a.shownUpdate()), "status": status,
		"workStatus": "Active", "emailVerified": a.emailVerified, "phoneVerified": a.phone != "",
		"userSourceType": "register", "userSourceId": s.opts.App.ID, "loginsCount": a.loginsCount,
		"lastLogin": isoDate(a.shownLastLogin()), "lastLoginApp": s.opts.App.ID, "resetPasswordOnNextLogin": false,
		"registerSource": []string{a.registerMethod},
	})
	if flags["withCustomData"] {
		u["customData"] = a.customData
		if a.customData == nil {
			u["customData"] = object{}
		}
	}
	if flags["withIdentities"] {
		u["identities"] = s.identitiesOf(a)
	}
	if flags["withDepartmentIds"] {
		u["departmentIds"] = []string{}
	}
	return u
}

func (s *Server) profile(c v3Call) reply {
	flags := map[string]bool{}
	for name, values := range c.query {
		known := slices.Contains([]string{"withCustomData", "withIdentities", "withDepartmentIds"}, name)
		if !known || values[0] != "true" && values[0] != "false" {
			return badRequest("query parameter " + name + " is unknown or not a boolean").reply()
		}
		flags[name] = values[0] == "true"
	}
	return v3Success(s.v3User(c.account, c.token.scope, flags))
}

// updateProfile merges custom data.
func (s *Server) updateProfile(c v3Call) reply {
	username := getString(c.body, "username")
	if other := s.find(func(a *account) bool { return username != "" && a.username == username }); other != nil && other != c.account {
		return newV3Error(2034).reply()
	}
	c.account.update(c.body)
	c.account.updated = s.opts.Clock()
	return v3Success(s.v3User(c.account, c.token.scope, nil))
}

// update stores fields of a profile. An empty text clears a field.
func (a *account) update(fields object) {
	if a.details == nil {
		a.details = object{}
	}
	for name, value := range fields {
		text, _ := value.(string)
		switch name {
		case "username":
			a.username = text
		case "nickname":
			a.nickname = text
		case "photo":
			a.photo = text
		case "company":
			a.company = text
		case "customData":
			a.addCustomData(getObject(fields, name))
		default:
			a.details[name] = text
		}
	}
}

func (s *Server) identities(c v3Call) reply { return v3Success(s.identitiesOf(c.account)) }

// identitiesOf returns one row for the openid and one for the unionid of a WeChat user.
func (s *Server) identitiesOf(a *account) []object {
	rows := []object{}
	if strings.HasPrefix(a.registerMethod, "ldap") {
		return rows
	}
	info := object{}
	json.Unmarshal([]byte(a.oauth), &info) // stays empty for other accounts than those of WeChat users
	for _, row := range [][2]string{{"openid", a.openID}, {"unionid", a.unionID}} {
		kind, id := row[0], row[1]
		if id == "" {
			continue
		}
		sum := sha1.Sum([]byte(a.id + kind))
		rows = append(rows, object{
			"identityId": hex.EncodeToString(sum[:12]), "extIdpId": s.sourceID, "provider": "wechat", "type": kind,
			"userIdInIdp": id, "userInfoInIdp": info, "originConnIds": []string{s.sourceID},
		})
	}
	return rows
}

const deletionLifetime = time.Minute

// deletion permits to delete an account.
type deletion struct {
	account *account
	expires time.Time
}

// verifyDeleteAccount accepts the password only of an account with neither a phone number nor an address, as documented.
func (s *Server) verifyDeleteAccount(c v3Call) reply {
	if e := s.checkDeletion(c); e != nil {
		return e.reply()
	}
	token := randomString(alphanumerics, 43)
	s.deletions.set(token, deletion{c.account, s.opts.Clock().Add(deletionLifetime)}, keepOthers)
	return v3Success(object{"deleteAccountToken": token, "tokenExpiresIn": int(deletionLifetime / time.Second)})
}

func (s *Server) checkDeletion(c v3Call) *v3Error {
	const channel = "CHANNEL_DELETE_ACCOUNT"
	a := c.account
	switch c.body["verifyMethod"] {
	case "PHONE_PASSCODE":
		payload := getObject(c.body, "phonePassCodePayload")
		number := storedPhone(getString(payload, "phoneCountryCode"), getString(payload, "phoneNumber"))
		if a.phone == "" || a.phone != number {
			return badRequest("the phone number is not that of the account")
		}
		return s.useV3Code(channel, number, getString(payload, "passCode"))
	case "EMAIL_PASSCODE":
		payload := getObject(c.body, "emailPassCodePayload")
		if a.email == "" || !strings.EqualFold(a.email, getString(payload, "email")) {
			return badRequest("the address is not that of the account")
		}
		return s.useV3Code(channel, strings.ToLower(a.email), getString(payload, "passCode"))
	}
	payload := getObject(c.body, "passwordPayload")
	password, e := s.plainPassword(getString(payload, "password"), payload)
	switch {
	case e != nil:
		return e
	case a.phone != "" || a.email != "":
		return badRequest("the account has a phone number or an address to verify")
	case a.password == "" || a.password != password:
		return newV3Error(2006)
	}
	return nil
}

func (s *Server) deleteAccount(c v3Call) reply {
	permit := s.deletions.get(getString(c.body, "deleteAccountToken"))
	if permit.account != c.account || !s.opts.Clock().Before(permit.expires) {
		return badRequest("deleteAccountToken is invalid or expired").reply()
	}
	c.account.deleted = true
	return v3Success(object{"success": true})
}

// system returns the key that encrypts passwords, which both APIs share.
func (s *Server) system(v3Call) reply {
	return flat(object{
		"rsa": object{"publicKey": s.PublicKey()}, "sm2": object{"publicKey": ""},
		"version": object{"server": "2.0.0", "console": "2.0.0", "login": "2.0.0"}, "publicIps": []string{},
	})
}

// routeUpload registers the upload of an image, which needs no header.
func (s *Server) routeUpload(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v2/upload", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, s.v3Operation("Upload", func() reply { return s.uploadV3(r) }))
	})
}

// uploadV3 replies with code instead of statusCode, as the mini-program SDK requires.
func (s *Server) uploadV3(r *http.Request) reply {
	if r.ContentLength < 0 { // whether the real one accepts a chunked upload is not known
		return newV3Error(http.StatusLengthRequired).reply()
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		return badRequest("file is required").reply()
	}
	defer r.MultipartForm.RemoveAll()
	defer file.Close()
	if text := r.Header.Get("Authorization"); text != "" {
		if _, _, e := s.v3Account(v3Bearer(r.Header)); e != nil {
			return e.reply()
		}
	}
	image, err := io.ReadAll(file)
	switch {
	case err != nil:
		return badRequest("file cannot be read").reply()
	case header.Size > s.opts.UploadLimit:
		return newV3Error(http.StatusRequestEntityTooLarge).reply()
	}
	sum := sha1.Sum(image)
	key := path.Join(r.URL.Query().Get("folder"), hex.EncodeToString(sum[:])+path.Ext(header.Filename))
	s.storeImage(key, image)
	return success(object{"key": key, "url": s.CDNURL() + "/" + key})
}
