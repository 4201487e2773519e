"""The file that sendmail leaves while no daemon is there, and what it says when it cannot."""
import os
import re
import socket
import subprocess
import tempfile

from fake import SENDMAIL, MAIL, WIRE, Case, equal, run_tests, sanitized

ENVELOPE = b'MAIL FROM:<a@x.test> XSUBMIT XERRORS=mail\r\nRCPT TO:<b@x.test>\r\nDATA\r\n'


def drop_case(**more):
    case = Case(**{'server': False, **more})
    case.drop = os.path.join(case.folder, 'drop')
    os.mkdir(case.drop)
    os.chmod(case.drop, 0o1733)
    return case


def dropped(case):
    name, = os.listdir(case.drop)
    assert re.fullmatch('mail[.][0-9a-f]{32}', name), name
    path = os.path.join(case.drop, name)
    equal(os.stat(path).st_mode & 0o7777, 0o644)
    with open(path, 'rb') as file:
        return file.read()


def test_no_daemon():
    with drop_case() as case:
        case.expect(0, '-fa@x.test', 'b@x.test')
        equal(case.out, b'')
        equal(dropped(case), ENVELOPE + WIRE + b'.\r\n')


def test_as_over_the_socket():
    """Nothing that was asked for is missing; only how long to wait has no meaning."""
    args = ['-t', '-n', '-h3', '-Ltag', '-puucp:h', '-odi', '-Nfailure,delay', '-Rhdrs', '-Vid', '-B8BITMIME', '-G', '-FA B', '-fü@x.test',
            'b@x.test', 'c@x.test']
    with drop_case() as case:
        os.umask(0o077)
        case.expect(0, '-v', *args, data=b'Subject: x\n\n..dot\n.\nnot this\n')
        os.umask(0o022)
        assert case.out.startswith(b'left for shimtad, which is away'), case.out
        equal(dropped(case).decode().split('\r\n'), [
            'MAIL FROM:<ü@x.test> XSUBMIT XHEADERS XGATEWAY XNAME=A+20B XERRORS=mail XNOALIAS XHOPS=3 XNOTIFY=failure,delay XTAG=tag '
            'XVIA=uucp:h BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id', 'RCPT TO:<b@x.test> NOTIFY=failure,delay',
            'RCPT TO:<c@x.test> NOTIFY=failure,delay', 'DATA', 'Subject: x', '', '..dot', '.', ''])
    with drop_case() as case:
        case.expect(0, '-odq', '-fa@x.test', 'b@x.test')
        assert b' XDELIVERY=later ' in dropped(case)


def test_large():
    body = b'x' * 70 + b'\n'
    with drop_case() as case:
        rcpts = [f'user{number}@x.test' for number in range(2000)]
        case.expect(0, '-fa@x.test', *rcpts, data=MAIL + body * 20000)
        lines = dropped(case).split(b'\r\n')
        equal(lines[1:2001], [f'RCPT TO:<{rcpt}>'.encode() for rcpt in rcpts])
        equal(len(lines), 2002 + 3 + 20000 + 2)
        equal(lines[-2:], [b'.', b''])
    with drop_case() as case:  # what shimtad would refuse
        with open(case.conf, 'a', encoding='utf-8') as conf:
            conf.write('max-size = 100k\n')
        case.expect(65, '-fa@x.test', 'b@x.test', data=MAIL + body * 20000)
        equal(os.listdir(case.drop), [])


def test_daemon_that_ends():
    for greeting in ('421 4.3.2 Shutting down', None):
        with drop_case(server=True, greeting=greeting) as case:
            case.expect(0, '-fa@x.test', 'b@x.test')
            equal(dropped(case), ENVELOPE + WIRE + b'.\r\n')


def test_daemon_that_hangs():
    with drop_case(server=False) as case, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(case.socket)
        listener.listen(1)
        case.expect(0, '-fa@x.test', 'b@x.test')
        equal(dropped(case), ENVELOPE + WIRE + b'.\r\n')


def test_daemon_that_answers():
    """What a daemon has seen of a mail is no mail for a file."""
    for script, status in (({'MAIL': '451 4.3.0 x'}, 75), ({'end': '451 4.3.0 x'}, 75), ({'end': None}, 75), ({'greeting': '554 5.3.2 x'}, 69),
                           ({'RCPT': '550 5.1.1 x'}, 67)):
        with drop_case(server=True, **script) as case:
            case.expect(status, '-fa@x.test', 'b@x.test')
            equal(os.listdir(case.drop), [])


def test_not_possible():
    with drop_case() as case:
        os.rmdir(case.drop)
        case.expect(75, '-fa@x.test', 'b@x.test')
        assert b'no connection to shimtad' in case.err
        with open(case.drop, 'w', encoding='utf-8') as file:
            file.write('no folder')
        case.expect(75, '-fa@x.test', 'b@x.test')
        assert b'cannot be left in' in case.err, case.err
    with drop_case() as case:  # no room
        done = subprocess.run(['sh', '-c', f'ulimit -f 8; trap "" XFSZ; exec {SENDMAIL} -fa@x.test b@x.test'], input=MAIL + b'x' * 100000,
                              capture_output=True, env=case.env, check=False)
        if not sanitized():
            equal(done.returncode, 75)
            assert b'cannot be left in' in done.stderr, done.stderr
            equal(os.listdir(case.drop), [])


def test_unprivileged():
    if os.getuid() != 0:
        return 'needs root to become somebody else'
    if sanitized():
        return 'needs a plain build'
    with drop_case() as case, tempfile.TemporaryDirectory() as folder:
        os.chmod(case.folder, 0o711)
        os.chmod(case.conf, 0o644)
        os.chmod(folder, 0o755)
        program = os.path.join(folder, 'sendmail')
        with open(SENDMAIL, 'rb') as file, open(os.open(program, os.O_CREAT | os.O_WRONLY, 0o755), 'wb') as copy:
            copy.write(file.read())
        done = subprocess.run([program, '-fa@x.test', 'b@x.test'], input=MAIL, capture_output=True, env=case.env, user=65534, group=65534,
                              extra_groups=[], check=False)
        equal((done.returncode, done.stdout, done.stderr), (0, b'', b''))
        equal(dropped(case), ENVELOPE + WIRE + b'.\r\n')
        path = os.path.join(case.drop, os.listdir(case.drop)[0])
        equal(os.stat(path).st_uid, 65534)
        os.unlink(path)
        os.chmod(case.drop, 0o700)
        done = subprocess.run([program, '-fa@x.test', 'b@x.test'], input=MAIL, capture_output=True, env=case.env, user=65534, group=65534,
                              extra_groups=[], check=False)
        equal(done.returncode, 75)
        assert b'Permission denied' in done.stderr, done.stderr
        os.chmod(case.drop, 0o1733)  # words slipped into the command line: no file in a folder of their choice
        evil = os.path.join(folder, 'evil.conf')
        with open(evil, 'w', encoding='utf-8') as conf:
            conf.write(f'[shimta]\nsubmit = direct\nsubmit-wait = 0s\ndrop-dir = {case.drop}\n')
        done = subprocess.run([program, '-C', evil, '-fa@x.test', 'b@x.test'], input=MAIL, capture_output=True, env=case.env, user=65534,
                              group=65534, extra_groups=[], check=False)
        equal(done.returncode, 75)
        equal(os.listdir(case.drop), [])
        os.unlink(evil)
        done = subprocess.run([program, '-C', evil, '-fa@x.test', 'b@x.test'], input=MAIL, capture_output=True, env=case.env, user=65534,
                              group=65534, extra_groups=[], check=False)
        equal((done.returncode, done.stderr), (78, b'sendmail: -C: cannot read the file: No such file or directory\n'))
    return None


run_tests(globals())
