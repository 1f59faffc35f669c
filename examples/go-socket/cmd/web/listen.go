package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// first is the descriptor of the first socket, see sd_listen_fds(3).
const first = 3

var errNone = errors.New("no socket was handed over")

// handedOver returns the sockets that whoever has started us keeps open, by name.
//
// It is the whole protocol: LISTEN_PID says for whom they are, LISTEN_FDS how many there are, and
// LISTEN_FDNAMES what they are called.  The variables are taken away, so that no program that we
// start ourselves takes them for its own.
func handedOver() (map[string]net.Listener, error) {
	defer func() {
		for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			os.Unsetenv(name)
		}
	}()
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, errNone
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 1 {
		return nil, errNone
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	found := make(map[string]net.Listener, count)
	for n := 0; n < count; n++ {
		name := strconv.Itoa(n)
		if n < len(names) {
			name = names[n]
		}
		file := os.NewFile(uintptr(first+n), name)
		listener, err := net.FileListener(file) // a duplicate: the file is closed
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("descriptor %d (%s): %w", first+n, name, err)
		}
		found[name] = listener
	}
	return found, nil
}

// listen returns the socket of that name, or one of our own where nobody has handed us any.
func listen(name, address string) (net.Listener, error) {
	sockets, err := handedOver()
	if errors.Is(err, errNone) {
		return net.Listen("tcp", address)
	}
	if err != nil {
		return nil, err
	}
	found, ok := sockets[name]
	if !ok {
		return nil, fmt.Errorf("there is no socket %q", name)
	}
	return found, nil
}
