// Web is an ordinary Go service: it stays in the foreground, logs to stdout, and ends on SIGTERM.
//
// It knows nothing of pyinit.  It prints "addr: HOST:PORT" once it listens, which is what
// pyinit.toml waits for before it starts the worker.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetOutput(os.Stdout)
	if err := run(); err != nil {
		log.Printf("error: %v", err)
		os.Exit(1)
	}
}

func run() error {
	// Before anything else: a SIGTERM that comes now must not be lost.
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	grace, err := duration("WEB_GRACE", 7*time.Second)
	if err != nil {
		return err
	}
	slowStart, err := duration("WEB_SLOW_START", 0)
	if err != nil {
		return err
	}
	time.Sleep(slowStart)

	listener, err := net.Listen("tcp", setting("WEB_ADDR", ":8080"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(time.Now()), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Printf("addr: %s", listener.Addr())

	select {
	case err := <-served:
		return err
	case <-stop.Done():
	}
	log.Printf("stopping: requests under way have %s", grace)
	ending, done := context.WithTimeout(context.Background(), grace)
	defer done()
	if err := server.Shutdown(ending); err != nil {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Print("stopped")
	return nil
}

func setting(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}

func duration(name string, otherwise time.Duration) (time.Duration, error) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return otherwise, nil
	}
	value, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return value, nil
}
