module example.com/go-socket

go 1.19
