package browsertest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// build compiles the server in the parent directory.
func build(t *testing.T) (program string) {
	program = filepath.Join(t.TempDir(), "server")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = ".."
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return program
}

// start runs a separate server for a test, because outages and traces affect all visitors of a server.
func start(t *testing.T, program string) (address string, stop func()) {
	var log bytes.Buffer
	cmd := exec.Command(program, "-addr", "127.0.0.1:0")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AUTHING_") }) // the demo
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
			t.Logf("server log:\n%s", log.Bytes())
		}
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "open ")
	require.True(t, ok, "first line of output: %q", line)
	return address, stop
}
