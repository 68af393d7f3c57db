//! Who may bind and connect to a path: each attempt in a thread that has become somebody else (`unix(7)`, Pathname
//! socket ownership and permissions).

use super::help::{client, exchange, listener, socket};
use crate::{
    address::Address,
    harness::{Case, NOBODY, Need, Outcome, Test, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    connect_needs_write_permission needs [Need::OtherUsers],
    connect_needs_search_permission needs [Need::OtherUsers],
    connect_of_the_owner_obeys_the_owners_bits needs [Need::OtherUsers],
    connect_of_the_group_obeys_the_groups_bits needs [Need::OtherUsers],
    connect_of_root_needs_no_permission needs [Need::OtherUsers],
    bind_needs_write_permission_in_the_directory needs [Need::OtherUsers],
    bind_makes_nodes_of_the_effective_user needs [Need::OtherUsers],
    peercred_shows_the_effective_user needs [Need::OtherUsers],
    abstract_names_have_no_permissions needs [Need::OtherUsers],
);

/// A group that `nobody` is given in some tests, and that owns nothing else.
const GROUP: u32 = 54321;

/// Runs `body` in a thread that is somebody else. The thread ends with it: nobody else runs under the wrong name.
fn as_user<T: Send + 'static>(
    case: &Case,
    user: u32,
    group: u32,
    body: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    case.spawn(move || {
        sys::set_thread_gids(group, group, group)?;
        sys::set_thread_uids(user, user, user)?;
        body()
    })
    .join()
}

fn connect_needs_write_permission(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = listener(&address, 8)?;
    sys::chmod(&case.path(""), 0o755)?;
    for (mode, allowed) in
        [(0o777, true), (0o755, false), (0o666, true), (0o222, true), (0o002, true), (0o555, false)]
    {
        sys::chmod(&case.path("node"), mode)?;
        let address = address.clone();
        as_user(case, NOBODY, NOBODY, move || {
            if allowed {
                check_eq!(client(&address).map(|_| ()), Ok(()), "mode {mode:o}");
            } else {
                check_err!(client(&address), EACCES, "mode {mode:o}");
            }
            Ok(())
        })?;
        if allowed {
            drop(sys::accept(&fd)?);
        }
    }
    super::help::set_nonblocking(&fd, true)?;
    check_err!(sys::accept(&fd), EAGAIN, "the refused left no connection");
    Ok(())
}

fn connect_needs_search_permission(case: &Case) -> Outcome {
    sys::chmod(&case.path(""), 0o755)?;
    sys::mkdir(&case.path("closed"), 0o755)?;
    let address = case.path_address("closed/node");
    let fd = listener(&address, 8)?;
    sys::chmod(&case.path("closed/node"), 0o777)?;
    for (mode, allowed) in [(0o755, true), (0o711, true), (0o744, false), (0o700, false)] {
        sys::chmod(&case.path("closed"), mode)?;
        let address = address.clone();
        as_user(case, NOBODY, NOBODY, move || {
            if allowed {
                check_eq!(client(&address).map(|_| ()), Ok(()), "mode {mode:o}");
            } else {
                check_err!(client(&address), EACCES, "mode {mode:o}");
            }
            Ok(())
        })?;
        if allowed {
            drop(sys::accept(&fd)?);
        }
    }
    Ok(())
}

/// A listener at a node that belongs to `nobody` and [`GROUP`]: bound by a thread of theirs.
fn foreign_listener(case: &Case, address: &Address) -> Outcome<std::os::fd::OwnedFd> {
    sys::chmod(&case.path(""), 0o777)?;
    let address = address.clone();
    as_user(case, NOBODY, GROUP, move || Ok(listener(&address, 8)?))
}

fn connect_of_the_owner_obeys_the_owners_bits(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let _fd = foreign_listener(case, &address)?;
    for (mode, allowed) in [(0o700, true), (0o200, true), (0o077, false), (0o577, false)] {
        sys::chmod(&case.path("node"), mode)?;
        let address = address.clone();
        as_user(case, NOBODY, 1, move || {
            check_eq!(client(&address).is_ok(), allowed, "mode {mode:o}");
            Ok(())
        })?;
    }
    Ok(())
}

fn connect_of_the_group_obeys_the_groups_bits(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let _fd = foreign_listener(case, &address)?;
    for (mode, allowed) in [(0o020, true), (0o707, false), (0o770, true), (0o757, false)] {
        sys::chmod(&case.path("node"), mode)?;
        let address = address.clone();
        as_user(case, 1, GROUP, move || {
            check_eq!(client(&address).is_ok(), allowed, "mode {mode:o}");
            Ok(())
        })?;
    }
    Ok(())
}

fn connect_of_root_needs_no_permission(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = foreign_listener(case, &address)?;
    sys::chmod(&case.path("node"), 0)?;
    sys::chmod(&case.path(""), 0)?;
    let near = client(&address)?;
    let far = sys::accept(&fd)?;
    exchange(&near, &far)
}

fn bind_needs_write_permission_in_the_directory(case: &Case) -> Outcome {
    let address = case.path_address("node");
    for (mode, allowed) in [(0o755, false), (0o776, false), (0o774, false), (0o773, true), (0o777, true)] {
        sys::chmod(&case.path(""), mode)?;
        let address = address.clone();
        let bound = as_user(case, NOBODY, NOBODY, move || {
            let fd = socket()?;
            let met = sys::bind(&fd, address.bytes());
            if allowed {
                check_eq!(met, Ok(0), "mode {mode:o}");
            } else {
                check_err!(met, EACCES, "mode {mode:o}");
            }
            Ok(fd)
        })?;
        drop(bound);
        check_eq!(sys::stat(&case.path("node")).is_ok(), allowed, "mode {mode:o}");
        if allowed {
            sys::unlink(&case.path("node"))?;
        }
    }
    Ok(())
}

fn bind_makes_nodes_of_the_effective_user(case: &Case) -> Outcome {
    let _fd = foreign_listener(case, &case.path_address("node"))?;
    let stat = sys::stat(&case.path("node"))?;
    check_eq!((stat.st_uid, stat.st_gid), (NOBODY, GROUP));
    Ok(())
}

/// SO_PEERCRED: user and group.
fn peer(fd: &std::os::fd::OwnedFd) -> Outcome<(u32, u32)> {
    let mut value = [0; 12];
    let mut length = 12;
    sys::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut value, &mut length)?;
    let field = |at: usize| u32::from_ne_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]]);
    Ok((field(4), field(8)))
}

fn peercred_shows_the_effective_user(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = foreign_listener(case, &address)?;
    let root_near = client(&address)?;
    let root_far = sys::accept(&fd)?;
    check_eq!(peer(&root_near)?, (NOBODY, GROUP), "who called listen");
    check_eq!(peer(&root_far)?, (0, 0), "who called connect");
    let other = address.clone();
    sys::chmod(&case.path("node"), 0o777)?;
    let near = as_user(case, 1, 2, move || Ok(client(&other)?))?;
    let far = sys::accept(&fd)?;
    check_eq!(peer(&far)?, (1, 2));
    check_eq!(peer(&near)?, (NOBODY, GROUP));
    let (left, right) = as_user(case, 3, 4, || Ok(super::help::pair()?))?;
    check_eq!(peer(&left)?, (3, 4));
    check_eq!(peer(&right)?, (3, 4));
    Ok(())
}

fn abstract_names_have_no_permissions(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 2)?;
    let other = address.clone();
    let near = as_user(case, NOBODY, NOBODY, move || Ok(client(&other)?))?;
    let far = sys::accept(&fd)?;
    exchange(&near, &far)
}
