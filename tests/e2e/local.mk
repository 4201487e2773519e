TESTS += %D%/mail_test.py %D%/recipients_test.py %D%/answers_test.py %D%/operation_test.py %D%/hostile_test.py %D%/clients_test.py %D%/arara_test.py
EXTRA_DIST += %D%/tap.py %D%/shim.py %D%/mails.py %D%/mail_test.py %D%/recipients_test.py %D%/answers_test.py %D%/operation_test.py %D%/hostile_test.py %D%/clients_test.py %D%/arara_test.py
