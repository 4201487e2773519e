"""What sendmail says to shimtad, and what it makes of the answers."""
import fcntl
import os
import pwd
import re
import socket
import subprocess
import termios
import threading
import time

from fake import SENDMAIL, MAIL, WIRE, QUEUED, EHLO, Server, Case, equal, read, run_tests

# What callers pass (SENDMAIL.md section 6): arguments, MAIL command, recipients.
CALLERS = [
    ('PHP', ['-t', '-i'], 'MAIL FROM:<LOGIN> XSUBMIT XHEADERSNAME', []),
    ('PHP -f', ['-t', '-i', '-fweb@x.test'], 'MAIL FROM:<web@x.test> XSUBMIT XHEADERS', []),
    ('nodemailer', ['-i', '-f', 'a@x.test', 'b@x.test', 'c@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT',
     ['b@x.test', 'c@x.test']),
    ('Rails', ['-i', '-f', 'a@x.test', '--', 'b@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT', ['b@x.test']),
    ('MIME::Lite', ['-t', '-oi', '-oem', '-fa@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT XHEADERS XERRORS=mail', []),
    ('cron', ['-FCronDaemon', '-i', '-B8BITMIME', '-oem', 'root'],
     'MAIL FROM:<LOGIN> XSUBMIT XNAME=CronDaemon XERRORS=mail BODY=8BITMIME', ['root']),
    ('vixie', ['-FCronDaemon', '-odi', '-oem', '-or0s', 'root'],
     'MAIL FROM:<LOGIN> XSUBMIT XNAME=CronDaemon XDELIVERY=verdict XERRORS=mail', ['root']),
    ('cronie', ['-FCronDaemon', '-i', '-odi', '-oem', '-oi', '-t', '-f', 'root'],
     'MAIL FROM:<root> XSUBMIT XHEADERS XNAME=CronDaemon XDELIVERY=verdict XERRORS=mail', []),
    ('mutt', ['-oem', '-oi', '-B8BITMIME', '-f', 'a@x.test', '-N', 'failure', '-R', 'hdrs', '--', 'b@x.test'],
     'MAIL FROM:<a@x.test> XSUBMIT XERRORS=mail BODY=8BITMIME', ['b@x.test']),
    ('s-nail', ['-i', '-m', '-v', '-F', 'J D', '-f', 'a@x.test', '--', 'b@x.test'],
     'MAIL FROM:<a@x.test> XSUBMIT XNAME=J+20D', ['b@x.test']),
    ('bsd-mailx', ['-i', '-t', '-f', 'a@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT XHEADERS', []),
    ('mailutils', ['-oi', '-f', 'a@x.test', '-t'], 'MAIL FROM:<a@x.test> XSUBMIT XHEADERS', []),
    ('logwatch', ['-t'], 'MAIL FROM:<LOGIN> XSUBMIT XHEADERSNAME', []),
    ('fail2ban', ['-f', 'fail2ban', 'root'], 'MAIL FROM:<fail2ban> XSUBMIT', ['root']),
    ('rkhunter', ['root'], 'MAIL FROM:<LOGIN> XSUBMITNAME', ['root']),
    ('-t and addresses', ['-t', '-fa@x.test', 'b@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT XHEADERS', ['b@x.test']),
    ('lists and names', ['-f', 'A <a@x.test>', 'B <b@x.test>, "C, D" <c@x.test>', 'd@x.test (who)'],
     'MAIL FROM:<a@x.test> XSUBMIT', ['b@x.test', 'c@x.test', 'd@x.test']),
    ('null sender', ['-f', '<>', '-G', 'b@x.test'], 'MAIL FROM:<> XSUBMIT XGATEWAY', ['b@x.test']),
    ('UTF-8', ['-f', 'ü@x.test', '-F', '山=+', 'b@x.test'],
     'MAIL FROM:<ü@x.test> XSUBMIT XNAME=+E5+B1+B1+3D+2B SMTPUTF8', ['b@x.test']),
    ('sendmail.mc', ['-Am', '-odb', '-fa@x.test', 'b@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT XDELIVERY=queue', ['b@x.test']),
    ('queue only', ['-O', 'DeliveryMode=q', '-fa@x.test', 'b@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT XDELIVERY=later',
     ['b@x.test']),
    ('account', ['--account=other', '-fa@x.test', 'b@x.test'], 'MAIL FROM:<a@x.test> XSUBMIT XACCOUNT=other', ['b@x.test']),
    ('account apart', ['--account', 'the other', '-fa@x.test', 'b@x.test'],
     'MAIL FROM:<a@x.test> XSUBMIT XACCOUNT=the+20other', ['b@x.test']),
    ('all else', ['-n', '-h', '17', '-L', 'a=b 山', '-p', 'uucp:host', '-oep', '-fa@x.test', 'b@x.test'],
     'MAIL FROM:<a@x.test> XSUBMIT XNOALIAS XHOPS=17 XTAG=a+3Db+20+E5+B1+B1 XVIA=uucp:host', ['b@x.test']),
]


def caller_entry():
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return str(os.getuid()), ''
    name = entry.pw_gecos.split(',')[0].replace('&', entry.pw_name.capitalize())
    return entry.pw_name, f' XNAME={name.replace(" ", "+20")}' if name else ''


def test_callers():
    login, name = caller_entry()
    for label, args, mail, rcpts in CALLERS:
        print(f'# {label}')
        with Case() as case:
            case.expect(0, *args)
            equal(case.mail(), mail.replace('LOGIN', login).replace('NAME', name, 1) if mail.endswith('NAME')
                  else mail.replace('LOGIN', login))
            equal(case.rcpts(), rcpts)
            equal(case.server.message, WIRE)
            equal(case.out, b'Ok: queued as <1@x>\n' if '-v' in args else b'')
            equal(case.server.commands[0].split(' ')[0], 'EHLO')


def test_name_from_environment():
    with Case() as case:
        case.expect(0, '-fa@x', 'b@x', NAME='Env Name')
        equal(case.mail(), 'MAIL FROM:<a@x> XSUBMIT XNAME=Env+20Name')
    with Case() as case:
        case.expect(0, '-fa@x', 'b@x', NAME='x\nBcc: y@z')
        equal(case.mail(), 'MAIL FROM:<a@x> XSUBMIT')


def test_dsn_only_where_offered():
    words = ['-fa@x', '-N', 'failure,delay', '-R', 'full', '-V', 'id+2B', 'b@x']
    with Case(EHLO=EHLO.replace('250-XSENDMAIL', '250-DSN\r\n250-XSENDMAIL')) as case:
        case.expect(0, *words)
        equal(case.mail(), 'MAIL FROM:<a@x> XSUBMIT RET=FULL ENVID=id+2B')
        assert 'RCPT TO:<b@x> NOTIFY=failure,delay' in case.server.commands
    with Case() as case:
        case.expect(0, *words)
        equal(case.mail(), 'MAIL FROM:<a@x> XSUBMIT')
        assert 'RCPT TO:<b@x>' in case.server.commands


# step, reply, exit status
REPLIES = [
    ('greeting', '421 4.3.2 Shutting down', 75), ('greeting', '554 5.3.2 No', 69), ('greeting', 'HTTP/1.1 200 OK', 76),
    ('EHLO', '421 4.3.2 Later', 75), ('EHLO', '250 mx.test', 78),
    ('MAIL', '451 4.3.0 Later', 75), ('MAIL', '550 5.7.1 Not you', 77), ('MAIL', '501 5.1.7 Bad sender', 67),
    ('MAIL', '555 5.5.2 What', 69), ('MAIL', '552 5.3.4 Too big', 65),
    ('RCPT', '550 5.1.1 No such user', 67), ('RCPT', '452 4.5.3 Too many', 75), ('RCPT', '553 5.1.3 Syntax', 67),
    ('DATA', '451 4.3.0 Later', 75), ('DATA', '554 5.5.1 No', 69),
    ('end', '451 4.4.2 Later', 75), ('end', '554 5.5.4 No recipient in the header', 64), ('end', '554 5.6.0 Strange', 65),
    ('end', '552 5.3.4 Too big', 65), ('end', '550 5.7.1 Refused', 77), ('end', '550 5.1.1 Nobody', 67),
    ('end', '554-5.0.0 No\r\n554 5.0.0 Never', 69), ('end', '250 2.0.0 Ok', 0),
]


def test_replies():
    for step, reply, status in REPLIES:
        with Case(**{step: reply}) as case:
            case.expect(status, '-fa@x', 'b@x')
            if status not in (0, 76, 78):
                assert reply.split('\r\n')[0].replace('554-5.0.0', '554 5.0.0').encode() in case.err, case.err
            if step != 'end' and status:
                equal(case.server.message, None)


def test_one_refusal_refuses_all():
    with Case(RCPT=['250 Ok', '550 5.1.1 No such user', '250 Ok']) as case:
        case.expect(67, '-fa@x', 'b@x', 'c@x', 'd@x')
        assert case.err.startswith(b'sendmail: c@x: 550 5.1.1'), case.err
        case.server.close()
        equal(case.server.message, None)
        case.server = None


def test_closing_at_each_step():
    for step in ('greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'end'):
        with Case(**{step: None}) as case:
            case.expect(75, '-fa@x', 'b@x')
            assert b'lost' in case.err, case.err


def test_half_a_reply():
    with Case(server=False) as case:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(case.socket)
        listener.listen(1)

        def serve():
            connection, _ = listener.accept()
            for byte in b'220 mx\r\n' + EHLO.encode() + b'\r\n250 2.1':
                connection.sendall(bytes([byte]))
            while b'DATA' not in connection.recv(4096):
                pass
            connection.close()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        case.expect(75, '-fa@x', 'b@x')
        thread.join(10)
        listener.close()


def test_envelope_comes_with_hello():
    """Nothing is answered before DATA was read."""
    with Case(server=False) as case:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(case.socket)
        listener.listen(1)
        got = []

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile('rb') as stream:
                for line in stream:
                    got.append(line)
                    if line == b'DATA\r\n':
                        connection.sendall(b'220 mx\r\n' + EHLO.encode() + b'\r\n' + 3 * b'250 Ok\r\n' + b'354 Go on\r\n')
                    if line == b'.\r\n':
                        connection.sendall(QUEUED.encode() + b'\r\n221 Bye\r\n')
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        case.expect(0, '-fa@x', 'b@x', 'c@x')
        thread.join(10)
        listener.close()
        equal([line.split(b' ')[0].strip() for line in got[:5]], [b'EHLO', b'MAIL', b'RCPT', b'RCPT', b'DATA'])


def test_lines_and_dots():
    for args, data, want in [
            ([], b'a\n.\nb\n', b'a\r\n'),
            ([], b'a\r\n..\r\n.b\n', b'a\r\n.\r\n.b\r\n'),
            (['-i'], b'a\n.\n..\nb', b'a\r\n.\r\n..\r\nb\r\n'),
            (['-oi'], b'.', b'.\r\n'),
            ([], b'From x Sat\nSubject: y\r\n\nz\rq', b'Subject: y\r\n\r\nz\rq\r\n'),
            ([], b'', b''),
            ([], b'a\0b\xff', b'a\0b\xff\r\n')]:
        with Case() as case:
            case.expect(0, *args, '-fa@x', 'b@x', data=data)
            equal(case.server.message, want)


def test_lone_dot_ends_without_end_of_file():
    """As typed on a terminal: the writing end stays open."""
    with Case() as case:
        read_end, write_end = os.pipe()
        os.write(write_end, b'typed\n.\n')
        done = subprocess.run([SENDMAIL, '-fa@x', 'b@x'], stdin=read_end, env=case.env, timeout=60, check=False)
        os.close(read_end)
        os.close(write_end)
        equal(done.returncode, 0)
        equal(case.server.message, b'typed\r\n')


def test_large_message():
    data = b'Subject: big\n\n' + b'.0123456789abcdef\n' * 500000
    with Case() as case:
        case.expect(0, '-i', '-fa@x', 'b@x', data=data)
        equal(case.server.message, data.replace(b'\n', b'\r\n'))


def test_many_recipients():
    people = [f'user{n}@{"x" * 200}.test' for n in range(500)]
    with Case() as case:
        case.expect(0, '-fa@x', *people)
        equal(case.rcpts(), people)
        equal(case.server.message, WIRE)


def test_early_refusal_stops_reading():
    for reply, status in (('552 5.3.4 Too big', 65), ('451 4.3.1 Full', 75), (None, 75), (QUEUED, 76)):
        with Case(early=200000, end=reply) as case:
            reader = subprocess.Popen([SENDMAIL, '-i', '-fa@x', 'b@x'], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env=case.env)
            try:
                while True:  # without end: only the refusal stops it
                    reader.stdin.write(b'x' * 999 + b'\n')
            except BrokenPipeError:
                pass
            reader.stdin.close = lambda: None
            equal(reader.wait(60), status)
            assert re.fullmatch(rb'sendmail: [^\n]+\n', reader.stderr.read())
            reader.stderr.close()


def test_refusal_before_the_first_byte():
    with Case(DATA='354 Go on\r\n552 5.3.4 Too big') as case:
        case.expect(65, '-fa@x', 'b@x')


def test_slow_caller_costs_no_session():
    """Nothing is opened before standard input has ended or filled a buffer."""
    with Case() as case:
        slow = subprocess.Popen([SENDMAIL, '-fa@x', 'b@x'], stdin=subprocess.PIPE, env=case.env)
        slow.stdin.write(MAIL)
        slow.stdin.flush()
        while fcntl.ioctl(slow.stdin, termios.FIONREAD, b'\0' * 4) != b'\0' * 4:
            time.sleep(0.01)
        case.expect(0, '-fother@x', 'b@x')  # the one-at-a-time server is free for others
        slow.stdin.close()
        equal(slow.wait(60), 0)
        equal(case.server.commands[1], 'MAIL FROM:<other@x> XSUBMIT')


def test_nobody_listens():
    with Case(server=False) as case:
        case.expect(75, '-fa@x', 'b@x')
        assert case.socket.encode() in case.err
        socket.socket(socket.AF_UNIX).bind(case.socket)  # bound, not listening
        case.expect(75, '-fa@x', 'b@x')


def waits(pid):
    """How often the process has gone to sleep of its own accord."""
    found = re.search(r'^voluntary_ctxt_switches:\s+(\d+)', read(f'/proc/{pid}/status'), re.M)
    return int(found.group(1)) if found else 0


def test_waits_for_a_daemon():
    with Case(server=False, wait='30s') as case:
        waiting = subprocess.Popen([SENDMAIL, '-fa@x', 'b@x'], stdin=subprocess.PIPE, env=case.env)
        waiting.stdin.write(MAIL)
        waiting.stdin.close()
        while waits(waiting.pid) < 8 and waiting.poll() is None:  # several attempts have failed
            time.sleep(0.01)
        case.server = Server(case.folder)
        equal(waiting.wait(60), 0)
        equal(case.server.message, WIRE)


def test_no_permission():
    if os.getuid() == 0:
        return 'root may connect everywhere'
    with Case() as case:
        os.chmod(case.socket, 0)
        case.expect(77, '-fa@x', 'b@x')
    return None


def test_debug_shows_the_dialogue():
    with Case() as case:
        equal(case.run('-d', '-fa@x', 'b@x'), 0)
        assert b'MAIL FROM:<a@x> XSUBMIT\r\n' in case.err and b'< 354 Go on' in case.err, case.err
        assert b'Subject' not in case.err


def test_closed_descriptors():
    for closed in ([0], [1], [2], [0, 1, 2], [1, 2]):
        with Case() as case:
            pid = os.fork()
            if pid == 0:
                os.dup2(os.open('/dev/null', os.O_WRONLY), 1)
                os.dup2(1, 2)
                read_end, write_end = os.pipe()
                os.write(write_end, MAIL)
                os.close(write_end)
                os.dup2(read_end, 0)
                os.closerange(3, 64)
                for fd in closed:
                    os.close(fd)
                os.execve(SENDMAIL, ['sendmail', '-v', '-fa@x', 'b@x'], case.env)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            equal((closed, status), (closed, 74 if 0 in closed else 0))
            equal(case.server.message, None if 0 in closed else WIRE)


def test_unreadable_input():
    with Case() as case:
        folder = os.open('/', os.O_RDONLY)
        done = subprocess.run([SENDMAIL, '-fa@x', 'b@x'], stdin=folder, env=case.env, capture_output=True, check=False)
        os.close(folder)
        equal(done.returncode, 74)
        equal(case.server.message, None)


run_tests(globals())
