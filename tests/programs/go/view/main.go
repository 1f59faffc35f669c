// view prints what a Go program believes it may use: memory limit in bytes, processors; then waits.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

func main() {
	fmt.Printf("%s memory=%d processors=%d\n",
		os.Getenv("PYINIT_PROCESS"), debug.SetMemoryLimit(-1), runtime.GOMAXPROCS(0))
	if len(os.Args) > 1 && os.Args[1] == "once" {
		return
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
}
