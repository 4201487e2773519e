dist_man_MANS += %D%/sendmail.8
dist_man_MANS += %D%/shimta-sandbox.1
