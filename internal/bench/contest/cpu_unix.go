//go:build unix

package contest

import (
	"syscall"
	"time"
)

// CPU is the time that this process has worked, 0 if the system does not tell.
func CPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
