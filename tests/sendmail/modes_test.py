"""What sendmail does besides sending a mail through the daemon, and what it refuses to do."""
import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import termios
import threading
import time

from fake import SOURCE, SENDMAIL, MAIL, WIRE, EHLO, Case, equal, sanitized, read, run_tests


def test_refused_arguments():
    for status, *args in [(64,), (64, '-i'), (65, '-t', '-F', 'x\nBcc: y@z'), (65, '-t', '-f', 'a@b\r\nX: y'),
                          (65, '-fa b@x', '-oQ/tmp', '-X/tmp/x.php', '-t'), (65, '--', '-x@y'),
                          (64, '-fa@x', '-OQueueDirectory=/tmp', '-X/tmp/x.php', '-t'), (64, '-bv'), (64, '-bv', '-t'),
                          (64, '-qR'), (64, '-t', '-bd'), (64, '-t', '-i', '-be', 'x')]:
        with Case() as case:
            got = case.run(*args)
            equal((args, got), (args, status))
            assert case.err.startswith(b'sendmail: '), case.err
            equal(case.server.commands, [])


def test_warnings_go_on():
    with Case() as case:
        equal(case.run('-t', '-fa@x', '-X/tmp/x', '-Z', '--what', '-B', 'odd', '-Q', '-h', 'x'), 0)
        equal(case.err.count(b'\n'), 6)
        equal(case.server.message, WIRE)
        equal(case.run('-oeq', 'a b@x'), 65)
        equal(case.err, b'')


def test_nothing_to_do():
    with Case(server=False) as case:
        for name, args in (('sendmail', ['-bh']), ('sendmail', ['-bH']), ('hoststat', []), ('purgestat', []), ('smtpd', [])):
            case.expect(0, *args, name=name)
            equal(case.out, b'')
        case.expect(0, '--version')
        assert case.out.startswith(b'sendmail (shimta) ')
        case.expect(0, '--help')
        assert case.out.startswith(b'usage: ')


def test_smtp_bridge():
    with Case() as case:
        talk = b'EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n'
        case.expect(0, '-bs', '-odb', '-oem', data=talk)
        equal([line[:3] for line in case.out.split(b'\r\n') if line and line[3:4] == b' '],
              [b'220', b'250', b'250', b'250', b'354', b'250', b'221'])
        equal(case.server.message, b'hi\r\n')
        equal(case.run('-bs', '-odq', data=b'QUIT\r\n'), 0)
        assert case.err.startswith(b'sendmail: -od is not for -bs'), case.err
    with Case() as case:  # a client that waits for each reply
        client = subprocess.Popen([SENDMAIL, '-bs'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=case.env)
        assert client.stdout.readline().startswith(b'220 ')
        for line, want in ((b'MAIL FROM:<a@x>', b'250'), (b'RCPT TO:<b@x>', b'250'), (b'DATA', b'354'),
                           (b'x\r\n.', b'250'), (b'QUIT', b'221')):
            client.stdin.write(line + b'\r\n')
            client.stdin.flush()
            equal(client.stdout.readline()[:3], want)
        equal(client.wait(60), 0)
        client.stdin.close()
        client.stdout.close()


def test_smtp_bridge_both_ways_at_once():
    """Much in either direction, unread for a while."""
    with Case(NOOP='250 ' + 'x' * 400) as case:
        talk = b'NOOP ' + b'y' * 400 + b'\r\n'
        count = 4000
        client = subprocess.Popen([SENDMAIL, '-bs'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=case.env)
        got = []
        reader = threading.Thread(target=lambda: got.append(client.stdout.read()), daemon=True)
        for n in range(count):
            client.stdin.write(talk)
            if n == 500:  # by now replies wait in the pipe that nobody has read
                reader.start()
        client.stdin.close()
        reader.join(60)
        equal(client.wait(60), 0)
        equal(got[0].count(b'\r\n'), count + 1)
        client.stdout.close()


def unread(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_smtp_bridge_passes_commands_while_output_is_stuck():
    line = '214-' + 'x' * 500 + '\r\n'
    with Case(HELP=line * 300 + '214 end') as case:  # more than a pipe holds
        client = subprocess.Popen([SENDMAIL, '-bs'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=case.env)
        while unread(client.stdout) == 0:
            time.sleep(0.01)  # the greeting stays in the pipe, so that no block of output ends where the pipe does
        client.stdin.write(b'HELP\r\n')
        client.stdin.flush()
        while unread(client.stdout) < 50000:
            time.sleep(0.01)
        client.stdin.write(b'NOOP\r\n')
        client.stdin.flush()
        patience = time.monotonic() + 30
        while 'NOOP' not in case.server.commands and time.monotonic() < patience:
            time.sleep(0.01)
        arrived = case.server.commands[:]
        client.stdin.close()
        got = client.stdout.read()
        client.stdout.close()
        equal(client.wait(60), 0)
        equal(arrived, ['HELP', 'NOOP'])
        equal(got.count(b'\r\n'), 303)


def test_smtp_bridge_server_closes():
    with Case(MAIL=None) as case:
        client = subprocess.Popen([SENDMAIL, '-bs'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=case.env)
        client.stdin.write(b'MAIL FROM:<a@x>\r\n')
        client.stdin.flush()
        assert client.stdout.read().startswith(b'220 ')
        equal(client.wait(60), 0)  # although standard input is still open
        client.stdin.close()
        client.stdout.close()
    with Case(server=False) as case:
        case.expect(75, '-bs')
        assert case.out.startswith(b'421 4.3.2 '), case.out


FAKE = '''#!{python}
import os, sys
with open({log!r}, 'a') as log:
    log.write(' '.join(sys.argv[1:]) + chr(10))
mode = {mode!r}
if mode == 'config':
    sys.stderr.write('shimtad: shimta.conf:1: wrong' + chr(10))
    sys.exit(78)
if mode == 'gone':
    sys.exit(1)
if mode == 'ready':
    import socket, time
    time.sleep(0.2)
    with open({log!r} + '.ready', 'w') as file:
        file.write('yes')
    notify = os.environ['NOTIFY_SOCKET']
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', notify.replace('@', chr(0)))
    for fd in range(3):
        os.close(fd)
    time.sleep(3)
if '--stdio' not in sys.argv:
    sys.exit(0)
def say(text):
    sys.stdout.write(text + '\\r\\n'); sys.stdout.flush()
say('220 stdio')
message = None
for line in sys.stdin.buffer:
    line = line.decode().rstrip('\\r\\n')
    if message is not None and line != '.':
        message.append(line); continue
    if line == 'DATA':
        say('354 Go on'); message = []
    elif line == '.':
        open({log!r} + '.mail', 'w').write('|'.join(message)); message = None; say('250 2.0.0 Ok: queued as <child>')
    elif line == 'QUIT':
        say('221 Bye'); break
    elif line.startswith('EHLO'):
        say('250-stdio\\r\\n250 XSENDMAIL')
    else:
        say('250 Ok')
'''


@contextlib.contextmanager
def direct(mode='ok', shimtad=True):
    with Case(server=False, submit='direct') as case:
        case.program = os.path.join(case.folder, 'sendmail')
        case.log = os.path.join(case.folder, 'log')
        shutil.copy(SENDMAIL, case.program)
        if shimtad:
            path = os.path.join(case.folder, 'shimtad')
            with open(path, 'w', encoding='utf-8') as script:
                script.write(FAKE.format(python=sys.executable, log=case.log, mode=mode))
            os.chmod(path, 0o755)
        yield case


def test_direct():
    with direct() as case:
        case.expect(0, '-v', '-fa@x', 'b@x', program=case.program)
        equal(case.out, b'Ok: queued as <child>\n')
        equal(read(case.log), f'--stdio -c {case.conf}\n')
        equal(read(case.log + '.mail'), 'Subject: hello||body')
        link = os.path.join(case.folder, 'elsewhere')
        os.mkdir(link)
        os.symlink(case.program, os.path.join(link, 'sendmail'))
        case.expect(0, '-fa@x', 'b@x', program=os.path.join(link, 'sendmail'))
        case.expect(0, '-bs', data=b'EHLO x\r\nQUIT\r\n', program=case.program)
        assert case.out.startswith(b'220 stdio\r\n250-stdio'), case.out


def test_direct_failures():
    with direct('config') as case:
        equal(case.run('-fa@x', 'b@x', program=case.program), 78)
        equal(case.err, b'shimtad: shimta.conf:1: wrong\n')
    with direct('gone') as case:
        case.expect(75, '-fa@x', 'b@x', program=case.program)
    with direct(shimtad=False) as case:
        case.expect(71, '-fa@x', 'b@x', program=case.program)
        case.expect(71, '-bs', program=case.program)


def test_starting_the_daemon():
    for args, logged in ((['-bD'], ''), (['-bC'], '-n '), (['-bd', '-q15m'], '')):
        with direct() as case:
            case.expect(0, *args, program=case.program)
            while not os.path.exists(case.log) or not read(case.log):
                time.sleep(0.01)
            equal(read(case.log), f'{logged}-c {case.conf}\n')


def test_daemon_that_cannot_start():
    with direct('config') as case:
        equal(case.run('-bd', program=case.program), 78)
    with direct('gone') as case:
        equal(case.run('-bd', program=case.program), 1)


def test_daemon_that_is_ready():
    with direct('ready') as case:
        case.expect(0, '-bd', program=case.program)
        equal(read(case.log + '.ready'), 'yes')


def test_wrong_configuration():
    with Case() as case:
        with open(case.conf, 'w', encoding='utf-8') as conf:
            conf.write('[listen submit]\naddress = 127.0.0.1:25\nsendmail = yes\n')
        case.expect(78, '-fa@x', 'b@x')


def test_libc_alone():
    if sanitized():
        return 'built with sanitizers'
    libraries = subprocess.run(['ldd', SENDMAIL], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0].rsplit('/', 1)[-1] for line in libraries.splitlines()}
    left = {name for name in names if not re.match(r'(linux-(vdso|gate)|ld[-.]|ld64|libc\.)', name)}
    equal(left, set())
    mode = os.stat(SENDMAIL).st_mode
    equal(mode & 0o6000, 0)
    return None


def opened(case, args):
    """The calls that name a path or start something, without those of the loader."""
    log = os.path.join(case.folder, 'strace')
    done = subprocess.run(['strace', '-f', '-o', log, '-e', 'trace=%file,execve,fork,clone,clone3,vfork', SENDMAIL, *args],
                          input=MAIL, capture_output=True, env=case.env, timeout=60, check=False)
    if not os.path.exists(log):
        return None
    calls = re.sub(r'(?m)^\d+ +', '', read(log))
    os.unlink(log)
    assert done.returncode in (0, 64, 65), done
    return {line for line in calls.splitlines() if re.match(r'[a-z0-9_]+\(', line) and not line.startswith('execve(')}


def test_options_open_nothing():
    if sanitized() or not shutil.which('strace'):
        return 'needs strace and a plain build'
    with Case() as case:
        target = os.path.join(case.folder, 'made')
        base = opened(case, ['-t', '-fa@x'])
        if base is None or not base:
            return 'strace may not trace here'
        for words in [f'-X {target}', f'-X{target}', f'-C {case.folder}/other', f'-C{target}', f'-oQ{target}',
                      f'-OQueueDirectory={target}', f'-O QueueDirectory={target}', f'-D {target}', f'-D{target}',
                      f'-d{target}', f'-oA{target}', f'-L {target}', f'-p {target}', f'-E{target}', f'-J{target}',
                      f'-Ac{target}', f'-Q{target}', f'-be{target}', f'-M{target}', f'-bd -X{target}', f'-Z{target}',
                      f'-F {target}', f'-V {target}', f'-h {target}', f'-e{target}', f'-q{target}', f'-- {target}']:
            more = opened(case, ['-t', '-fa@x', *words.split()]) - base
            equal((words, more), (words, set()))
            assert not os.path.exists(target)
    return None


def test_every_option_is_in_the_manual():
    source = read(os.path.join(SOURCE, 'src/sendmail/options.c'))
    manual = read(os.path.join(SOURCE, 'man/sendmail.8'))
    names = re.findall(r'^    \{ "([^"]+)", (?:FLAG|WORD|REST|VALUE),', source, re.M)
    assert len(names) > 50, names
    described = set(re.findall(r'^\.It Fl (\S+)', manual, re.M)) | set(re.findall(r' , Fl (\S+)', manual))
    equal([name for name in names if name.replace('-', '\\-') not in described and name not in described], [])


run_tests(globals())
