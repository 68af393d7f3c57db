//! Every kind of error: what is said, and where.

use scml::{Diagnostic, Source, compile};

fn errors(text: &str) -> Vec<Diagnostic> {
    compile(&[Source::new("rules.scml", text)]).expect_err("there is an error")
}

#[test]
fn print() {
    for text in [
        "socket(famly = AF_UNIX, type, protocol);",
        "socket(family = AF_UNX, type, protocol);\nsocket(family = AF_INET, type = SOCK_STREM, ..);",
        "socket(family = AF_UNIX, type\n",
        "a = <b>; b = <a>;\nsockt(..);",
        "getsockopt(sockfd, level = SOL_SOCKET, optname = TCP_NODELAY, ..);",
        "bind(sockfd, addr = { sa_famly = AF_UNIX, .. }, addrlen);",
        "bind(sockfd, addr = { sa_family = AF_UNIX }, addrlen);",
        "bind(sockfd, addr = <sockadr>, addrlen); struct sockaddr = {..};",
    ] {
        for error in errors(text) {
            println!("{}\n", error.render(false));
        }
    }
}
