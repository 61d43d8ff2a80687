//go:build unix

package main

import (
	"bufio"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The build line of the Dockerfile makes a static binary that stops cleanly on SIGTERM, as docker stop sends it.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`).FindSubmatch(text)
	require.NotNil(t, line)
	for _, want := range []string{"\nFROM scratch\n", "\nUSER 65534:65534\n", "\nSTOPSIGNAL SIGTERM\n"} {
		assert.Contains(t, string(text), want)
	}
	binary := filepath.Join(t.TempDir(), "fakeserver")
	build := exec.Command("sh", "-c", strings.Replace(string(line[1]), "-o /fakeserver", "-o '"+binary+"'", 1))
	build.Dir = filepath.Join("..", "..") // the Dockerfile's /src
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	if runtime.GOOS == "linux" {
		file, err := elf.Open(binary)
		require.NoError(t, err)
		defer file.Close()
		libraries, err := file.ImportedLibraries()
		require.NoError(t, err)
		assert.Empty(t, libraries)
		for _, p := range file.Progs {
			assert.NotEqual(t, elf.PT_INTERP, p.Type, "a static binary needs no loader")
		}
	}

	entrypoint := regexp.MustCompile(`(?m)^ENTRYPOINT \["/fakeserver", (.*)\]$`).FindSubmatch(text)
	require.NotNil(t, entrypoint)
	var args []string
	for _, arg := range strings.Split(string(entrypoint[1]), ", ") {
		args = append(args, regexp.MustCompile(`^:[0-9]+$`).ReplaceAllString(strings.Trim(arg, `"`), "127.0.0.1:0"))
	}
	program := exec.Command(binary, args...)
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	defer program.Process.Kill()
	first, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, first, "http://127.0.0.1:")
	require.NoError(t, program.Process.Signal(syscall.SIGTERM))
	began := time.Now()
	require.NoError(t, program.Wait(), "exit status 0")
	assert.Less(t, time.Since(began), 5*time.Second)
}
