module dues

go 1.19
