//! Several threads at one thing: whatever the order, the outcome is one of the good ones, and nothing is lost or left over.

use std::{
    collections::HashSet,
    os::fd::OwnedFd,
    sync::{Arc, Barrier},
};

use super::help::{client, exchange, fill, listener, pair, poll_for, read_full, socket, write_all};
use crate::{
    address::Address,
    errno::Errno,
    harness::{Case, Failure, Outcome, Test, Worker, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    race_of_binds_has_one_winner,
    race_of_connect_and_close,
    race_of_connect_and_listen,
    race_of_write_and_close,
    race_of_reads_and_shutdown,
    race_of_poll_and_close,
    race_of_opening_and_closing,
    race_of_two_closes_with_data_under_way,
    churn_of_full_connections_gives_everything_back,
    churn_of_connections_never_accepted,
    many_connections_at_once,
);

fn join_all<T>(workers: Vec<Worker<T>>) -> Outcome<Vec<T>> {
    workers.into_iter().map(Worker::join).collect()
}

fn race_of_binds_has_one_winner(case: &Case) -> Outcome {
    const THREADS: usize = 6;
    for (kind, address) in [("abstract", case.abstract_address("a")), ("path", case.path_address("node"))] {
        let barrier = Arc::new(Barrier::new(THREADS));
        let workers = (0..THREADS)
            .map(|_| {
                let (barrier, address) = (Arc::clone(&barrier), address.clone());
                case.spawn(move || {
                    let fd = socket()?;
                    barrier.wait();
                    let met = sys::bind(&fd, address.bytes());
                    Ok((fd, met))
                })
            })
            .collect();
        let met = join_all(workers)?;
        let winners = met.iter().filter(|(_, met)| met.is_ok()).count();
        check_eq!(winners, 1, "{kind}");
        let refused = met.iter().filter(|(_, met)| *met == Err(Errno(libc::EADDRINUSE))).count();
        check_eq!(refused, THREADS - 1, "{kind}");
    }
    Ok(())
}

fn race_of_connect_and_close(case: &Case) -> Outcome {
    for round in 0..40 {
        let address = case.abstract_address(&format!("{round}"));
        let fd = listener(&address, 1)?;
        let barrier = Arc::new(Barrier::new(2));
        let connecting = case.spawn({
            let (barrier, address) = (Arc::clone(&barrier), address.clone());
            move || {
                barrier.wait();
                Ok(client(&address))
            }
        });
        barrier.wait();
        drop(fd);
        match connecting.join()? {
            // Connected before the listener went: then it was reset, as nobody has accepted it.
            Ok(near) => check_err!(sys::read(&near, &mut [0]), ECONNRESET, "round {round}"),
            Err(errno) => check_eq!(errno.0, libc::ECONNREFUSED, "round {round}"),
        }
        check_eq!(sys::bind(&socket()?, address.bytes())?, 0, "the name is free again");
    }
    Ok(())
}

fn race_of_connect_and_listen(case: &Case) -> Outcome {
    for round in 0..40 {
        let address = case.abstract_address(&format!("{round}"));
        let fd = socket()?;
        sys::bind(&fd, address.bytes())?;
        let barrier = Arc::new(Barrier::new(2));
        let connecting = case.spawn({
            let (barrier, address) = (Arc::clone(&barrier), address.clone());
            move || {
                barrier.wait();
                Ok(client(&address))
            }
        });
        barrier.wait();
        sys::listen(&fd, 1)?;
        match connecting.join()? {
            Ok(near) => exchange(&near, &sys::accept(&fd)?)?,
            Err(errno) => check_eq!(errno.0, libc::ECONNREFUSED, "round {round}"),
        }
    }
    Ok(())
}

fn race_of_write_and_close(case: &Case) -> Outcome {
    for round in 0..25 {
        let (left, right) = pair()?;
        let barrier = Arc::new(Barrier::new(2));
        let writing = case.spawn({
            let barrier = Arc::clone(&barrier);
            move || {
                barrier.wait();
                let block = [7; 5000];
                loop {
                    match sys::write(&left, &block) {
                        Ok(count) => check!(count > 0 && count <= block.len()),
                        Err(errno) => return Ok(errno),
                    }
                }
            }
        });
        barrier.wait();
        let mut sink = vec![0; 3001];
        for _ in 0..round {
            sys::read(&right, &mut sink)?;
        }
        drop(right);
        let errno = writing.join()?;
        check!(errno.0 == libc::EPIPE || errno.0 == libc::ECONNRESET, "{errno} in round {round}");
    }
    Ok(())
}

fn race_of_reads_and_shutdown(case: &Case) -> Outcome {
    for _ in 0..20 {
        let (left, right) = pair()?;
        let right = Arc::new(right);
        let readers = (0..3)
            .map(|_| {
                let right = Arc::clone(&right);
                case.spawn(move || {
                    let mut total = 0;
                    loop {
                        match sys::read(&*right, &mut [0; 3])? {
                            0 => return Ok(total),
                            count => total += count,
                        }
                    }
                })
            })
            .collect();
        write_all(&left, &[1; 100])?;
        sys::shutdown(&left, libc::SHUT_WR)?;
        check_eq!(
            join_all(readers)?.iter().sum::<usize>(),
            100,
            "all that was written before was read by somebody"
        );
    }
    Ok(())
}

fn race_of_poll_and_close(case: &Case) -> Outcome {
    for _ in 0..30 {
        let (left, right) = pair()?;
        let left = Arc::new(left);
        let pollers = (0..2)
            .map(|_| {
                let left = Arc::clone(&left);
                case.spawn(move || Ok(poll_for(&*left, libc::POLLIN | libc::POLLRDHUP, -1)?))
            })
            .collect();
        drop(right);
        for events in join_all(pollers)? {
            check_eq!(events, libc::POLLIN | libc::POLLRDHUP | libc::POLLHUP);
        }
    }
    Ok(())
}

fn race_of_opening_and_closing(case: &Case) -> Outcome {
    // Numbers that are open at the same time differ; a number never changes hands while it is open.
    let workers = (0..4u8)
        .map(|worker| {
            case.spawn(move || {
                for round in 0..60u8 {
                    let pairs = (0..5).map(|_| pair()).collect::<Result<Vec<_>, _>>()?;
                    let numbers: HashSet<_> =
                        pairs.iter().flat_map(|(left, right)| [left.number(), right.number()]).collect();
                    check_eq!(numbers.len(), 10);
                    for (index, (left, _)) in pairs.iter().enumerate() {
                        sys::write(left, &[worker, round, index as u8])?;
                    }
                    for (index, (_, right)) in pairs.iter().enumerate() {
                        let mut got = [0; 4];
                        check_eq!(sys::read(right, &mut got)?, 3);
                        check_eq!(got[..3], [worker, round, index as u8]);
                    }
                }
                Ok(())
            })
        })
        .collect();
    join_all(workers).map(|_| ())
}

fn race_of_two_closes_with_data_under_way(case: &Case) -> Outcome {
    for _ in 0..40 {
        let (left, right) = pair()?;
        write_all(&left, &[1; 20_000])?;
        write_all(&right, &[2; 20_000])?;
        let barrier = Arc::new(Barrier::new(2));
        let closing = |fd: OwnedFd| {
            let barrier = Arc::clone(&barrier);
            case.spawn(move || {
                barrier.wait();
                Ok(sys::close(fd)?)
            })
        };
        let (one, other) = (closing(left), closing(right));
        check_eq!((one.join()?, other.join()?), (0, 0));
    }
    Ok(())
}

fn churn_of_full_connections_gives_everything_back(_: &Case) -> Outcome {
    // 300 connections closed with their buffers full: some 100 MB, were they not given back.
    let mut first = None;
    for round in 0..300 {
        let (left, right) = pair()?;
        let filled = fill(&left)?;
        drop(right);
        check_eq!(*first.get_or_insert(filled), filled, "round {round}");
    }
    Ok(())
}

fn churn_of_connections_never_accepted(case: &Case) -> Outcome {
    for round in 0..60 {
        let address = case.abstract_address("a");
        let fd = listener(&address, 20)?;
        let clients = (0..10).map(|_| client(&address)).collect::<Result<Vec<_>, _>>()?;
        for near in &clients {
            sys::write(near, b"for nobody")?;
        }
        // The clients go first, or the listener does.
        if round % 2 == 0 {
            drop(clients);
            drop(fd);
        } else {
            drop(fd);
            for near in &clients {
                check_err!(sys::read(near, &mut [0]), ECONNRESET);
            }
        }
    }
    Ok(())
}

fn many_connections_at_once(case: &Case) -> Outcome {
    const CONNECTIONS: usize = 150;
    let address = case.path_address("node");
    let fd = listener(&address, 16)?;
    let connecting = case.spawn({
        let address = address.clone();
        move || {
            let clients = (0..CONNECTIONS).map(|_| client(&address)).collect::<Result<Vec<_>, _>>()?;
            for (index, near) in clients.iter().enumerate() {
                write_all(near, &(index as u32).to_ne_bytes())?;
            }
            Ok(clients)
        }
    });
    let accepted = (0..CONNECTIONS).map(|_| sys::accept(&fd)).collect::<Result<Vec<_>, _>>()?;
    let clients = connecting.join()?;
    for (index, (near, far)) in clients.iter().zip(&accepted).enumerate() {
        let mut got = [0; 4];
        check_eq!(read_full(far, &mut got)?, 4);
        check_eq!(u32::from_ne_bytes(got) as usize, index);
        exchange(near, far)?;
    }
    let last = clients.last().ok_or_else(|| Failure::here("no clients"))?;
    check_eq!(super::help::peer_name(last)?, address);
    let unnamed = super::help::peer_name(&accepted[0])?;
    check_eq!(unnamed, Address::unnamed());
    Ok(())
}
