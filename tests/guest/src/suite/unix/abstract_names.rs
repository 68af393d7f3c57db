//! Names without a path: the abstract name space and autobind.

use super::help::{accepted, client, exchange, listener, name, peer_name, socket};
use crate::{
    address::{Address, PATH_SIZE},
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    abstract_name_connects,
    abstract_name_is_taken_once,
    abstract_name_is_free_after_close,
    abstract_name_is_free_while_accepted_sockets_live,
    abstract_name_counts_every_byte,
    abstract_name_may_hold_nul_bytes,
    abstract_name_of_full_length,
    abstract_empty_name_is_a_name,
    abstract_names_are_no_paths,
    abstract_name_absent_refuses,
    autobind_gives_five_hexadecimal_digits,
    autobind_names_differ,
    autobind_twice_keeps_the_name,
    autobind_keeps_a_given_name,
    autobind_name_can_be_connected_to,
    many_names_at_once,
);

fn abstract_name_connects(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    check_eq!(name(&fd)?, address);
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(peer_name(&near)?, address);
    check_eq!(name(&far)?, address);
    exchange(&near, &far)
}

fn abstract_name_is_taken_once(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let first = socket()?;
    let second = socket()?;
    sys::bind(&first, address.bytes())?;
    check_err!(sys::bind(&second, address.bytes()), EADDRINUSE);
    check_eq!(name(&second)?, Address::unnamed());
    check_err!(sys::bind(&first, case.abstract_address("b").bytes()), EINVAL);
    drop(first);
    check_eq!(sys::bind(&second, address.bytes())?, 0);
    Ok(())
}

fn abstract_name_is_free_after_close(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    for _ in 0..20 {
        let fd = listener(&address, 1)?;
        let (near, far) = accepted(&fd, &address)?;
        exchange(&near, &far)?;
        drop(fd);
        check_err!(client(&address), ECONNREFUSED);
    }
    Ok(())
}

fn abstract_name_is_free_while_accepted_sockets_live(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let old = listener(&address, 1)?;
    let (near, far) = accepted(&old, &address)?;
    drop(old);
    let new = listener(&address, 1)?;
    let (new_near, new_far) = accepted(&new, &address)?;
    exchange(&near, &far)?;
    exchange(&new_near, &new_far)?;
    check_eq!(name(&far)?, address);
    Ok(())
}

fn abstract_name_counts_every_byte(case: &Case) -> Outcome {
    let base = case.abstract_address("a");
    let mut longer = base.bytes().to_vec();
    longer.push(0);
    let mut longest = longer.clone();
    longest.push(0);
    let shorter = &base.bytes()[..base.bytes().len() - 1];
    let sockets: Vec<_> = [base.bytes(), &longer, &longest, shorter]
        .iter()
        .map(|bytes| {
            let fd = socket()?;
            sys::bind(&fd, bytes)?;
            Ok(fd)
        })
        .collect::<Result<_, crate::errno::Errno>>()?;
    check_eq!(name(&sockets[0])?.bytes(), base.bytes());
    check_eq!(name(&sockets[1])?.bytes(), &longer[..]);
    check_eq!(name(&sockets[2])?.bytes(), &longest[..]);
    check_eq!(name(&sockets[3])?.bytes(), shorter);
    sys::listen(&sockets[1], 1)?;
    check_err!(client(&base), ECONNREFUSED);
    let near = socket()?;
    check_eq!(sys::connect(&near, &longer)?, 0);
    Ok(())
}

fn abstract_name_may_hold_nul_bytes(case: &Case) -> Outcome {
    let with = |tail: &[u8]| {
        let mut bytes = case.abstract_address("n").bytes().to_vec();
        bytes.extend_from_slice(tail);
        bytes
    };
    let one = socket()?;
    let other = socket()?;
    sys::bind(&one, &with(b"\0first"))?;
    sys::bind(&other, &with(b"\0other"))?;
    check_eq!(name(&one)?.bytes(), &with(b"\0first")[..]);
    check_eq!(name(&other)?.bytes(), &with(b"\0other")[..]);
    Ok(())
}

fn abstract_name_of_full_length(case: &Case) -> Outcome {
    let mut rest = case.abstract_address("full").rest().to_vec();
    rest.resize(PATH_SIZE, b'.');
    let address = Address::raw(libc::AF_UNIX as u16, &rest);
    check_eq!(address.bytes().len(), 110);
    let fd = listener(&address, 1)?;
    check_eq!(name(&fd)?, address, "no NUL is added to an abstract name");
    let (near, far) = accepted(&fd, &address)?;
    exchange(&near, &far)?;
    rest.push(b'.');
    check_err!(sys::bind(&socket()?, Address::raw(libc::AF_UNIX as u16, &rest).bytes()), EINVAL);
    Ok(())
}

fn abstract_empty_name_is_a_name(_: &Case) -> Outcome {
    // The one name that cannot be the test's own: somebody on the host may have it.
    let address = Address::abstract_name(b"");
    let fd = socket()?;
    match sys::bind(&fd, address.bytes()) {
        Ok(_) => {
            check_eq!(name(&fd)?, address);
            check_err!(sys::bind(&socket()?, address.bytes()), EADDRINUSE);
        }
        Err(errno) => check_eq!(errno.0, libc::EADDRINUSE),
    }
    Ok(())
}

fn abstract_names_are_no_paths(case: &Case) -> Outcome {
    let path = case.path_address("node");
    let same = Address::abstract_name(&path.rest()[..path.rest().len() - 1]);
    let by_path = listener(&path, 1)?;
    check_err!(client(&same), ECONNREFUSED);
    let by_name = listener(&same, 1)?;
    let (near, far) = accepted(&by_path, &path)?;
    let (other_near, other_far) = accepted(&by_name, &same)?;
    exchange(&near, &far)?;
    exchange(&other_near, &other_far)
}

fn abstract_name_absent_refuses(case: &Case) -> Outcome {
    check_err!(client(&case.abstract_address("absent")), ECONNREFUSED);
    let fd = socket()?;
    let address = case.abstract_address("bound");
    sys::bind(&fd, address.bytes())?;
    check_err!(client(&address), ECONNREFUSED, "bound, not listening");
    Ok(())
}

/// A socket that the kernel has named.
fn autobound() -> Result<std::os::fd::OwnedFd, crate::errno::Errno> {
    let fd = socket()?;
    sys::bind(&fd, Address::unnamed().bytes())?;
    Ok(fd)
}

fn autobind_gives_five_hexadecimal_digits(_: &Case) -> Outcome {
    let given = name(&autobound()?)?;
    let rest = given.rest();
    check_eq!(rest.len(), 6, "{given:?}");
    check_eq!(rest[0], 0);
    check!(rest[1..].iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)), "{given:?}");
    Ok(())
}

fn autobind_names_differ(_: &Case) -> Outcome {
    let sockets = (0..16).map(|_| autobound()).collect::<Result<Vec<_>, _>>()?;
    let mut names = Vec::new();
    for fd in &sockets {
        let given = name(fd)?;
        check!(!names.contains(&given), "{given:?} twice");
        names.push(given);
    }
    Ok(())
}

fn autobind_twice_keeps_the_name(_: &Case) -> Outcome {
    let fd = autobound()?;
    let given = name(&fd)?;
    check_eq!(sys::bind(&fd, Address::unnamed().bytes())?, 0);
    check_eq!(name(&fd)?, given);
    Ok(())
}

fn autobind_keeps_a_given_name(case: &Case) -> Outcome {
    let fd = socket()?;
    let address = case.abstract_address("given");
    sys::bind(&fd, address.bytes())?;
    check_eq!(sys::bind(&fd, Address::unnamed().bytes())?, 0);
    check_eq!(name(&fd)?, address);
    Ok(())
}

fn autobind_name_can_be_connected_to(_: &Case) -> Outcome {
    let fd = autobound()?;
    sys::listen(&fd, 1)?;
    let address = name(&fd)?;
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(peer_name(&near)?, address);
    exchange(&near, &far)
}

fn many_names_at_once(case: &Case) -> Outcome {
    let sockets = (0..200)
        .map(|index| listener(&case.abstract_address(&format!("{index}")), 1))
        .collect::<Result<Vec<_>, _>>()?;
    for index in [0, 1, 99, 199] {
        let address = case.abstract_address(&format!("{index}"));
        let (near, far) = accepted(&sockets[index], &address)?;
        check_eq!(peer_name(&near)?, address);
        exchange(&near, &far)?;
    }
    Ok(())
}
