package browsertest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// build compiles the server that this module lies in.
func build(t *testing.T) (program string) {
	program = filepath.Join(t.TempDir(), "server")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = ".."
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return program
}

// start runs a server of its own for a test: outages and traces are common to all users of one server.
func start(t *testing.T, program string) (address string, stop func()) {
	var log bytes.Buffer
	cmd := exec.Command(program, "-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "AUTHING_USERPOOL_ID=", "AUTHING_USERS_HOST=", "AUTHING_OAUTH_HOST=") // the demo
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", log.Bytes())
		}
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "open ")
	require.True(t, ok, "first line of the server: %q", line)
	return address, stop
}
