// Web is a Go service that is born with its listening socket: LISTEN_FDS, as systemd and pyinit
// hand it over.  It can be started by its first connection, and replaced without one refused.
//
// Without such a socket it listens at WEB_ADDR itself.  Its argument is the name of its socket.
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

const grace = 7 * time.Second // for requests under way at a stop

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

	if pause, err := time.ParseDuration(os.Getenv("WEB_SLOW_START")); err == nil {
		time.Sleep(pause)
	}
	address := os.Getenv("WEB_ADDR")
	if address == "" {
		address = ":8080"
	}
	name := "http"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	listener, err := listen(name, address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Printf("addr: %s", listener.Addr())
	if err := tell("READY=1"); err != nil {
		return err
	}

	select {
	case err := <-served:
		return err
	case <-stop.Done():
	}
	ending, done := context.WithTimeout(context.Background(), grace)
	defer done()
	// It stops to accept; who connects from now on waits in the socket, which pyinit keeps open.
	if err := server.Shutdown(ending); err != nil {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Print("stopped")
	return nil
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d\n", os.Getpid())
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, request *http.Request) {
		pause, err := time.ParseDuration(request.URL.Query().Get("for"))
		if err != nil {
			http.Error(w, "write for=3s", http.StatusBadRequest)
			return
		}
		time.Sleep(pause)
		fmt.Fprintf(w, "%d\n", os.Getpid())
	})
	mux.HandleFunc("/crash", func(w http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost {
			http.Error(w, "post", http.StatusMethodNotAllowed)
			return
		}
		os.Exit(3)
	})
	return mux
}

// tell says something to whoever has started us, if he listens: sd_notify(3).
func tell(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	socket, err := net.Dial("unixgram", path)
	if err != nil {
		return err
	}
	defer socket.Close()
	_, err = socket.Write([]byte(state))
	return err
}
