dist_man_MANS += %D%/mailq.1
dist_man_MANS += %D%/newaliases.1
dist_man_MANS += %D%/sendmail.8
dist_man_MANS += %D%/shimta-sandbox.1
dist_man_MANS += %D%/shimta.1
dist_man_MANS += %D%/shimta.conf.5
dist_man_MANS += %D%/shimtad.8
