module pyinit.test/programs

go 1.19
