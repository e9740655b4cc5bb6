"""QUESTION ANSWER PROGRAM ARGUMENTS...: runs the program on a terminal, types the answer when the question is shown,
copies what it shows, and ends as it ends."""

import os
import pty
import sys

question, answer, *program = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program[0], program)
shown = b""
is_answered = False
while True:
    try:
        text = os.read(terminal, 65536)
    except OSError:
        break
    if not text:
        break
    shown += text
    os.write(1, text)
    if not is_answered and question.encode() in shown:
        is_answered = True
        os.write(terminal, answer.encode() + b"\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
