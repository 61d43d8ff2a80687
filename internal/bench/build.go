package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const restyProgram = `package main

import (
	"fmt"

	"github.com/go-resty/resty/v2"
)

func main() {
	var user struct{ Token string }
	_, err := resty.New().R().SetBody(map[string]string{"code": "code"}).SetResult(&user).Post("https://oauth.authing.cn")
	fmt.Println(user, err)
}
`

const authingProgram = `package main

import (
	"context"
	"fmt"

	"github.com/authing-wxapp/authing"
)

func main() {
	client, err := authing.NewClient("pool")
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := client.LoginWithWxapp(context.Background(), "code", authing.Detail{})
	fmt.Println(user, err)
}
`

type program struct {
	size    int64 // bytes
	modules int   // linked, other than this one
}

// build compiles a program as for a release, with the dependencies of the current module.
func build(source string) (program, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return program{}, err
	}
	defer os.RemoveAll(dir)
	file, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "main")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		return program{}, err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("%w: %s", err, output)
	}
	stat, err := os.Stat(binary)
	if err != nil {
		return program{}, err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return program{}, err
	}
	modules := 0
	for _, dependency := range info.Deps {
		if dependency.Path != "github.com/authing-wxapp/authing" {
			modules++
		}
	}
	return program{stat.Size(), modules}, nil
}
