package docs_test

import (
	"context"
	"io"

	"github.com/authing-wxapp/authing"
)

// The Go code of docs/migrating.md: see TestDocumentedGo.
var _ = func(
	ctx context.Context, client *authing.Client, token authing.Secret, code string, detail authing.Detail, image io.Reader,
	id, userID, appID, email, username, password, nickname, userIP, captcha, verifyCode, phone, phoneCode string,
) {
	use := func(...any) {}
	{
		client, err := authing.NewClient("POOL",
			authing.WithHosts(authing.Hosts{ // private deployments
				Users: "https://users.example.com/graphql", OAuth: "https://oauth.example.com/graphql",
			}))
		use(client, err)
	}
	{
		user, err := client.LoginWithWxapp(ctx, code, detail,
			authing.WithPhone(phone), authing.WithOverrideProfile(true)) // both optional; you keep user.Token
		use(user, err)
	}
	{
		user, err := client.As(token).BindPhone(ctx, code, detail) // not the code of the login
		use(user, err)
	}
	{
		phone, err := client.GetPhone(ctx, code, detail) // phone.PhoneNumber
		use(phone, err)
	}
	{
		data, err := client.Decrypt(ctx, code, detail.EncryptedData, detail.IV) // data.OpenID, …, data.Raw()
		use(data, err)
	}
	{
		err := client.GetVerificationCode(ctx, phone)
		use(err)
	}
	{
		user, err := client.LoginByPhoneCode(ctx, phone, phoneCode) // phoneCode is a string of digits
		use(user, err)
	}
	{
		user, err := client.Register(ctx, authing.RegisterParams{
			Email: email, Password: authing.Secret(password), Nickname: nickname,
			LastIP: userIP, // otherwise Authing counts all registrations as yours
		})
		use(user, err)
	}
	{
		user, err := client.Login(ctx, authing.LoginParams{
			Email: email, Password: authing.Secret(password), VerifyCode: captcha,
			LastIP: userIP, // otherwise Authing counts all sign-ins as yours
		})
		use(user, err)
	}
	{
		user, err := client.LoginByLDAP(ctx, username, authing.Secret(password))
		use(user, err)
	}
	{
		status, err := client.As(token).CheckLoginStatus(ctx) // status.SignedIn, status.Code, status.Message
		use(status, err)
	}
	{
		info, err := client.VerifyToken(ctx, token) // info.UserID
		use(info, err)
	}
	{
		err := client.As(token).Logout(ctx, userID) // remove the token from your session store or the page
		use(err)
	}
	{
		user, err := client.As(token).User(ctx, id)
		use(user, err)
	}
	{
		user, err := client.As(token).Update(ctx, id, authing.UserUpdate{
			Nickname: authing.Ptr("Ann"), Company: authing.Ptr(""), // fields that are nil stay as they are
		})
		use(user, err)
	}
	{
		user, err := client.As(token).ChangeAvatar(ctx, id, image) // image: an io.Reader, at most 5 MiB
		use(user, err)
	}
	{
		user, err := client.As(token).UnbindEmail(ctx, id)
		use(user, err)
	}
	{
		err := client.SendResetPasswordEmail(ctx, email)
		use(err)
	}
	{
		err := client.VerifyResetPasswordVerifyCode(ctx, email, verifyCode)
		use(err)
	}
	{
		user, err := client.ChangePassword(ctx, authing.ChangePasswordParams{
			Email: email, Password: authing.Secret(password), VerifyCode: verifyCode,
		})
		use(user, err)
	}
	{
		err := client.SendVerifyEmail(ctx, email)
		use(err)
	}
	{
		metadata, err := client.As(token).Metadata(ctx, id) // metadata.TotalCount, metadata.List
		use(metadata, err)
	}
	{
		metadata, err := client.As(token).SetMetadata(ctx, id, "level", "3")
		use(metadata, err)
	}
	{
		metadata, err := client.As(token).RemoveMetadata(ctx, id, "level")
		use(metadata, err)
	}
	{
		apps, err := client.As(token).GetAuthedAppList(ctx, id, authing.ListOptions{Page: 1, Count: 10})
		use(apps, err)
	}
	{
		revoked, err := client.As(token).RevokeAuthedApp(ctx, id, appID) // revoked.IsRevoked
		use(revoked, err)
	}
}
