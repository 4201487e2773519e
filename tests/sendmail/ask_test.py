"""mailq, newaliases, -q, -bv and -bt: what sendmail asks, prints and exits with."""
import os

from fake import Case, equal, run_tests

HEAD = b'----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n'
ONE = ('0hXk2bQ4ZW9s1PzC*     1500 Sun Nov 22 10:00:00 a@x.test', '%37s(451 4.3.2 later)' % '', '%46s b@y.test' % '')
TWO = ('0hXk2bQ4ZW9s1PzD!      600 Sun Nov 22 10:00:01 MAILER-DAEMON', '%46s c@y.test' % '', '%46s 山田@y.test' % '')


def page(*entries, end='END'):
    return ''.join(f'250-2.0.0 {line}\r\n' for entry in entries for line in entry) + f'250 2.0.0 {end}'


def shown(*entries):
    return HEAD + b'\n'.join(''.join(f'{line}\n' for line in entry).encode() for entry in entries)


def test_mailq():
    for name, args in (('mailq', []), ('/usr/bin/mailq', ['-v']), ('sendmail', ['-bp']), ('mailq.shimta', ['-Ac'])):
        with Case(XQUEUE=page(ONE, TWO)) as case:
            case.expect(0, *args, name=name)
            equal(case.out, shown(ONE, TWO) + b'\n-- 3 Kbytes in 2 Requests.\n')
            equal(case.server.commands[-1], 'XQUEUE LIST')
    with Case(XQUEUE=page(ONE)) as case:
        case.expect(0, '-bp')
        equal(case.out, shown(ONE) + b'\n-- 2 Kbytes in 1 Request.\n')
    with Case() as case:
        case.expect(0, '-bp')
        equal(case.out, b'Mail queue is empty\n')


def test_mailq_pages():
    with Case(XQUEUE=[page(ONE, end='MORE=0hXk2bQ4ZW9s1PzC'), page(TWO, end='MORE=z'), page()]) as case:
        case.expect(0, '-bp')
        equal(case.out, shown(ONE, TWO) + b'\n-- 3 Kbytes in 2 Requests.\n')
        equal(case.server.commands[1:], ['XQUEUE LIST', 'XQUEUE LIST AFTER=0hXk2bQ4ZW9s1PzC', 'XQUEUE LIST AFTER=z'])


def test_mailq_fails():
    for answer, status in (('451 4.3.0 The disk is sick', 75), ('500 5.5.2 Unknown command', 69), (None, 75), ('HTTP/1.1', 76)):
        with Case(XQUEUE=answer) as case:
            case.expect(status, '-bp')
            equal(case.out, b'')
    with Case(XQUEUE=[page(ONE, end='MORE=z'), '451 4.3.0 The disk is sick']) as case:
        case.expect(75, '-bp')  # no total that is wrong
        assert b'Requests' not in case.out


def test_count():
    with Case(XQUEUE='250 2.0.0 1234') as case:
        case.expect(0, '-bP')
        equal((case.out, case.server.commands[-1]), (b'1234\n', 'XQUEUE COUNT'))


def test_run():
    for args, question, name in ((['-q'], 'XQUEUE RUN', 'sendmail'), (['-qf'], 'XQUEUE RUN', 'sendmail'), ([], 'XQUEUE RUN', 'runq'),
                                 (['-qI0hXk2'], 'XQUEUE RUN ID=0hXk2', 'sendmail'),
                                 (['-qR@x.test'], 'XQUEUE RUN TO=@x.test', 'sendmail'),
                                 (['-qSa b=+'], 'XQUEUE RUN FROM=a+20b+3D+2B', 'sendmail')):
        with Case(XQUEUE='250 2.0.0 3') as case:
            case.expect(0, *args, name=name)
            equal((case.out, case.server.commands[-1]), (b'', question))
    with Case(XQUEUE='250 2.0.0 3') as case:
        case.expect(0, '-v', '-q')
        equal(case.out, b'3 mails are tried now\n')
        asked = len(case.server.commands)
        equal(case.run('-q15m'), 0)  # nothing but a note
        equal(len(case.server.commands), asked)
        assert case.err.startswith(b'sendmail: -q with an interval starts nothing'), case.err
        equal(case.run('-qR' + 'x' * 10240), 65)


def test_aliases():
    for name, args in (('newaliases', []), ('sendmail', ['-bi']), ('sendmail', ['-I'])):
        with Case() as case:
            case.expect(0, *args, name=name)
            equal((case.out, case.server.commands[-1]), (b'', 'XALIASES'))
    with Case(XALIASES='554 5.3.5 /etc/aliases:3: there is no ":" in it') as case:
        case.expect(78, name='newaliases')
        assert b'/etc/aliases:3: there is no' in case.err


def test_verify():
    with Case(XTEST=['250 2.1.5 deliverable: mailer main, user a@x.test', '501 5.1.3 Bad address',
                     '250-2.1.5 deliverable: mailer main, user b@x.test\r\n250 2.1.5 deliverable: mailer two, user c@x.test']) as case:
        equal(case.run('-bv', '-fs@x.test', 'a@x.test', 'Nobody <b@@x>, root', '--'), 67)
        equal(case.out.decode().splitlines(), [
            'a@x.test... deliverable: mailer main, user a@x.test', 'b@@x... 501 5.1.3 Bad address',
            'root... deliverable: mailer main, user b@x.test', 'root... deliverable: mailer two, user c@x.test',
            '--... bad address: a dash at the beginning'])
        equal(case.err, b'')
        equal(case.server.commands[1:], ['XTEST VERIFY <a@x.test> FROM=s@x.test', 'XTEST VERIFY <b@@x> FROM=s@x.test',
                                         'XTEST VERIFY <root> FROM=s@x.test'])
    for answers, status in ((['250 2.1.5 ok'] * 2, 0), (['451 4.3.0 later', '250 2.1.5 ok'], 75), (['550 5.1.1 no', '451 4.3.0 x'], 67),
                            (['451 4.3.0 later', '550 5.1.1 no'], 67), (['250 2.1.5 ok', '451 4.3.0 later'], 75)):
        with Case(XTEST=answers) as case:
            equal(case.run('-bv', 'a@x', 'b@x'), status)


def test_route():
    with Case(XTEST='250-2.1.5 a@x: mailer cmc, account main, no route\r\n250 2.1.5   limits: to=10') as case:
        case.expect(0, '-bt', 'a@x')
        equal(case.out, b'a@x: mailer cmc, account main, no route\n  limits: to=10\n')
        equal(case.server.commands[-1], 'XTEST ROUTE <a@x>')
        case.expect(0, '-bt', data=b'a@x\r\n\nb@x, c@x\n')
        equal(case.server.commands[-3:], ['XTEST ROUTE <a@x>', 'XTEST ROUTE <b@x>', 'XTEST ROUTE <c@x>'])


def test_away():
    for name, args in (('mailq', []), ('sendmail', ['-q']), ('sendmail', ['-bP']), ('sendmail', ['-bv', 'a@x']),
                       ('sendmail', ['-bt', 'a@x'])):
        with Case(server=False) as case:
            os.mkdir(os.path.join(case.folder, 'drop'))
            case.expect(75, *args, name=name)
            assert b'no connection to shimtad' in case.err
            equal(os.listdir(os.path.join(case.folder, 'drop')), [])
    with Case(greeting='421 4.3.2 Shutting down') as case:
        case.expect(75, '-bp')
    with Case(server=False) as case:
        equal(case.run(name='newaliases'), 0)
        assert case.err.endswith(b'sendmail: shimtad reads the alias file when it starts\n'), case.err


run_tests(globals())
