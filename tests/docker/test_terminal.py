"""A main program with a terminal has it for itself: foreground, keys, size."""

from boxes import PYTHON, eventually

SHOW = """
import fcntl, posix, struct, termios
import _signal
def size(*_):
    rows, columns = struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))[:2]
    print("size", rows, columns, flush=True)
_signal.signal(_signal.SIGWINCH, size)
print("terminals", [posix.isatty(fd) for fd in range(3)], flush=True)
print("foreground", posix.tcgetpgrp(0) == posix.getpgrp(), flush=True)
"""
ECHO = (
    SHOW
    + """
while True:
    line = b""
    while not line.endswith(b"\\n"):
        line += posix.read(0, 1)
    print("read", line, flush=True)
"""
)
WAIT = (
    SHOW
    + """
def end(number, _):
    print("got", number, flush=True)
    posix._exit(7)
_signal.signal(_signal.SIGINT, end)
print("at work", flush=True)
while True:
    _signal.pause()
"""
)


def terminal_of(box):
    """Attach to a container's terminal; what is written comes out of the keyboard."""
    return box.container.attach_socket(params={"stdin": 1, "stream": 1})


def test_with_t_the_main_program_has_the_terminal_in_the_foreground(boxes, image):
    box = boxes.run(image, *PYTHON, SHOW, tty=True)
    assert box.wait() == 0, box.logs()
    assert "terminals [True, True, True]" in box.logs()
    assert "foreground True" in box.logs()


def test_with_it_the_main_program_reads_what_is_typed(boxes, image):
    box = boxes.run(image, *PYTHON, ECHO, tty=True, stdin_open=True)
    box.said("foreground True")
    keyboard = terminal_of(box)
    keyboard._sock.sendall(b"hello\n")
    box.said("read b'hello\\n'")
    keyboard.close()


def test_the_interrupt_key_reaches_the_main_program_once_and_its_status_counts(boxes, image):
    box = boxes.run(image, *PYTHON, WAIT, tty=True, stdin_open=True)
    box.said("at work")
    keyboard = terminal_of(box)
    keyboard._sock.sendall(b"\x03")
    assert box.wait() == 7, box.logs()
    assert box.logs().count("got 2") == 1
    keyboard.close()


def test_a_new_size_of_the_terminal_reaches_the_main_program(boxes, image):
    box = boxes.run(image, *PYTHON, WAIT, tty=True)
    box.said("at work")

    def resized():
        box.container.resize(height=33, width=77)
        return "size 33 77" in box.logs()

    eventually(resized, within_s=60, every_s=0.5)


def test_with_i_alone_the_main_program_reads_standard_input_to_its_end(boxes, image):
    code = "import posix, sys\nprint('read', sys.stdin.read(), posix.isatty(0), flush=True)"
    box = boxes.create(image, *PYTHON, code, stdin_open=True)
    line = terminal_of(box)
    box.container.start()
    line._sock.sendall(b"all of it")
    line._sock.shutdown(1)
    box.said("read all of it False")
    line.close()


def test_the_terminal_of_an_exec_is_pyinitctl_s_own(boxes, image):
    box = boxes.run(image, *PYTHON, "import time; time.sleep(60)")
    box.running("main")
    code, output = box.run("pyinitctl", "status", tty=True)
    assert code == 0
    assert "main" in output
    assert "RUNNING" in output
