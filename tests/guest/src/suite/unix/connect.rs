//! connect(2).

use super::help::{accepted, client, exchange, listener, name, pair, read_full, socket};
use crate::{
    address::Address,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    connect_needs_no_accept,
    connect_refused_by_what_is_no_listener,
    connect_refuses_bad_paths,
    connect_refuses_bad_lengths,
    connect_refuses_other_families,
    connect_twice_is_an_error,
    connect_looks_for_the_listener_before_its_own_state,
    connect_again_after_a_refusal,
    connect_to_itself_is_refused,
    connections_are_accepted_in_order,
    connection_closed_before_accept_can_be_accepted,
    nonblocking_connect_succeeds_at_once,
    connect_and_accept_many_times,
    connect_from_many_threads,
);

fn connect_needs_no_accept(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    check_eq!(sys::write(&near, b"early")?, 5);
    let far = sys::accept(&fd)?;
    let mut data = [0; 5];
    check_eq!(read_full(&far, &mut data)?, 5);
    check_eq!(&data, b"early");
    exchange(&near, &far)
}

fn connect_refused_by_what_is_no_listener(case: &Case) -> Outcome {
    drop(sys::open(&case.path("file"), libc::O_CREAT | libc::O_WRONLY, 0o600)?);
    sys::mkdir(&case.path("directory"), 0o700)?;
    check_err!(client(&case.path_address("file")), ECONNREFUSED);
    check_err!(client(&case.path_address("directory")), ECONNREFUSED);
    check_err!(client(&case.path_address("")), ECONNREFUSED);
    check_err!(client(&Address::path(b"/dev/null")), ECONNREFUSED);
    Ok(())
}

fn connect_refuses_bad_paths(case: &Case) -> Outcome {
    drop(sys::open(&case.path("file"), libc::O_CREAT | libc::O_WRONLY, 0o600)?);
    check_err!(client(&case.path_address("absent")), ENOENT);
    check_err!(client(&case.path_address("absent/below")), ENOENT);
    check_err!(client(&case.path_address("file/below")), ENOTDIR);
    let _fd = listener(&case.path_address("node"), 1)?;
    check_err!(client(&case.path_address("node/")), ENOTDIR);
    check!(client(&case.path_address("node")).is_ok());
    Ok(())
}

fn connect_refuses_bad_lengths(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let _fd = listener(&address, 1)?;
    let near = socket()?;
    let mut bytes = address.bytes().to_vec();
    bytes.resize(4096, 0);
    for length in [0, 1, 2, 111, 128, 129, 4096] {
        check_err!(sys::connect(&near, &bytes[..length]), EINVAL, "length {length}");
    }
    check_eq!(sys::connect(&near, &bytes[..110])?, 0);
    Ok(())
}

fn connect_refuses_other_families(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let _fd = listener(&address, 1)?;
    let near = socket()?;
    for family in [libc::AF_UNSPEC, libc::AF_INET, libc::AF_INET6, 255, 0xffff] {
        let wrong = Address::raw(family as u16, address.rest());
        check_err!(sys::connect(&near, wrong.bytes()), EINVAL, "family {family}");
    }
    check_eq!(sys::connect(&near, address.bytes())?, 0);
    Ok(())
}

fn connect_twice_is_an_error(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 4)?;
    let (near, far) = accepted(&fd, &address)?;
    check_err!(sys::connect(&near, address.bytes()), EISCONN);
    check_err!(sys::connect(&far, address.bytes()), EISCONN);
    let (left, right) = pair()?;
    check_err!(sys::connect(&left, address.bytes()), EISCONN);
    exchange(&left, &right)?;
    exchange(&near, &far)
}

fn connect_looks_for_the_listener_before_its_own_state(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(sys::connect(&left, case.abstract_address("absent").bytes()), ECONNREFUSED, "and not EISCONN");
    check_err!(sys::connect(&left, case.path_address("absent").bytes()), ENOENT);
    let fd = listener(&case.abstract_address("a"), 1)?;
    check_err!(sys::connect(&fd, case.path_address("absent").bytes()), ENOENT, "and not EINVAL");
    exchange(&left, &right)
}

fn connect_again_after_a_refusal(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let near = socket()?;
    check_err!(sys::connect(&near, address.bytes()), ECONNREFUSED);
    check_err!(sys::connect(&near, case.path_address("absent").bytes()), ENOENT);
    let fd = listener(&address, 1)?;
    check_eq!(sys::connect(&near, address.bytes())?, 0);
    let far = sys::accept(&fd)?;
    exchange(&near, &far)
}

fn connect_to_itself_is_refused(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = socket()?;
    sys::bind(&fd, address.bytes())?;
    check_err!(sys::connect(&fd, address.bytes()), ECONNREFUSED);
    check_eq!(sys::listen(&fd, 1)?, 0, "it is still unconnected");
    Ok(())
}

fn connections_are_accepted_in_order(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 8)?;
    let mut clients = Vec::new();
    for index in 0..8u8 {
        let near = client(&address)?;
        sys::write(&near, &[index])?;
        clients.push(near);
    }
    for index in 0..8u8 {
        let far = sys::accept(&fd)?;
        let mut data = [0xff];
        sys::read(&far, &mut data)?;
        check_eq!(data[0], index);
    }
    Ok(())
}

fn connection_closed_before_accept_can_be_accepted(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 4)?;
    let near = client(&address)?;
    sys::write(&near, b"last words")?;
    drop(near);
    let far = sys::accept(&fd)?;
    let mut data = [0; 16];
    check_eq!(read_full(&far, &mut data)?, 10);
    check_eq!(&data[..10], b"last words");
    check_err!(sys::write(&far, b"x"), EPIPE);
    Ok(())
}

fn nonblocking_connect_succeeds_at_once(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    check_eq!(sys::connect(&near, address.bytes())?, 0, "no EINPROGRESS in this family");
    let far = sys::accept(&fd)?;
    check_err!(sys::read(&near, &mut [0]), EAGAIN);
    exchange(&near, &far)
}

fn connect_and_accept_many_times(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = listener(&address, 1)?;
    for _ in 0..300 {
        let (near, far) = accepted(&fd, &address)?;
        exchange(&near, &far)?;
    }
    check_eq!(name(&fd)?, address);
    Ok(())
}

fn connect_from_many_threads(case: &Case) -> Outcome {
    const THREADS: u8 = 6;
    const EACH: u8 = 20;
    let address = case.abstract_address("a");
    let fd = listener(&address, 3)?;
    let clients: Vec<_> = (0..THREADS)
        .map(|thread| {
            let address = address.clone();
            case.spawn(move || {
                for round in 0..EACH {
                    let near = client(&address)?;
                    sys::write(&near, &[thread, round])?;
                    let mut sum = [0];
                    check_eq!(sys::read(&near, &mut sum)?, 1);
                    check_eq!(sum[0], thread.wrapping_mul(31).wrapping_add(round));
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..u32::from(THREADS) * u32::from(EACH) {
        let far = sys::accept(&fd)?;
        let mut data = [0; 2];
        check_eq!(read_full(&far, &mut data)?, 2);
        sys::write(&far, &[data[0].wrapping_mul(31).wrapping_add(data[1])])?;
    }
    clients.into_iter().try_for_each(crate::harness::Worker::join)
}
