dist_man_MANS += %D%/sendmail.8
