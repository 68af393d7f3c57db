//! The suites, by the part of the system that they are about.

mod files;
pub(crate) mod inet;
mod locks;
mod memory;
pub(crate) mod netlink;
mod pointers;
mod proc;
mod process;
mod ready;
mod sched;
mod settings;
mod signals;
mod splice;
mod std_net;
mod time;
pub(crate) mod unix;
pub(crate) mod vsock;

use crate::harness::Test;

/// All tests, in the order in which they run: what others build upon comes first.
pub(crate) fn all() -> Vec<&'static Test> {
    let suites: &[&'static [Test]] = &[
        unix::create::TESTS,
        unix::bind::TESTS,
        unix::abstract_names::TESTS,
        unix::names::TESTS,
        unix::listen::TESTS,
        unix::connect::TESTS,
        unix::accept::TESTS,
        unix::data::TESTS,
        unix::vectors::TESTS,
        unix::flags::TESTS,
        unix::shutdown::TESTS,
        unix::options::TESTS,
        unix::records::TESTS,
        unix::requests::TESTS,
        unix::every::TESTS,
        unix::rights::TESTS,
        unix::credentials::TESTS,
        unix::flight::TESTS,
        unix::permissions::TESTS,
        unix::races::TESTS,
        unix::many::TESTS,
        unix::seqpacket::TESTS,
        unix::datagram::TESTS,
        inet::names::TESTS,
        inet::udp::TESTS,
        inet::tcp::TESTS,
        inet::tcp_states::TESTS,
        inet::options::TESTS,
        inet::every::TESTS,
        inet::interfaces::TESTS,
        inet::segments::TESTS,
        inet::told::TESTS,
        inet::said::TESTS,
        inet::errors::TESTS,
        inet::groups::TESTS,
        netlink::names::TESTS,
        netlink::options::TESTS,
        netlink::messages::TESTS,
        netlink::dumps::TESTS,
        netlink::changes::TESTS,
        netlink::groups::TESTS,
        netlink::uevents::TESTS,
        netlink::diag::TESTS,
        netlink::every::TESTS,
        vsock::names::TESTS,
        vsock::options::TESTS,
        vsock::connections::TESTS,
        vsock::data::TESTS,
        vsock::every::TESTS,
        settings::TESTS,
        process::threads::TESTS,
        process::children::TESTS,
        process::execution::TESTS,
        process::privileges::TESTS,
        process::waiting::TESTS,
        process::time::TESTS,
        memory::mapping::TESTS,
        memory::fork::TESTS,
        memory::shared::TESTS,
        memory::files::TESTS,
        memory::advice::TESTS,
        memory::sealed::TESTS,
        memory::limits::TESTS,
        signals::delivery::TESTS,
        signals::frames::TESTS,
        signals::waits::TESTS,
        signals::stops::TESTS,
        signals::bad::TESTS,
        files::contents::TESTS,
        files::tree::TESTS,
        files::pipes::TESTS,
        files::space::TESTS,
        ready::epoll::TESTS,
        ready::epoll_files::TESTS,
        ready::epoll_threads::TESTS,
        ready::epoll_calls::TESTS,
        ready::poll::TESTS,
        ready::select::TESTS,
        ready::eventfd::TESTS,
        ready::timerfd::TESTS,
        locks::whole::TESTS,
        locks::ranges::TESTS,
        locks::processes::TESTS,
        proc::sysctl::TESTS,
        proc::uts::TESTS,
        proc::process::TESTS,
        proc::net::TESTS,
        proc::system::TESTS,
        proc::scml::TESTS,
        splice::copies::TESTS,
        splice::pipes::TESTS,
        splice::bad::TESTS,
        sched::affinity::TESTS,
        sched::priority::TESTS,
        sched::turns::TESTS,
        time::clocks::TESTS,
        time::sleep::TESTS,
        time::used::TESTS,
        std_net::TESTS,
        pointers::sockets::TESTS,
        pointers::nested::TESTS,
        pointers::lengths::TESTS,
        pointers::registers::TESTS,
        pointers::others::TESTS,
    ];
    suites.iter().flat_map(|tests| tests.iter()).collect()
}

/// Suites that are about sockets, by how their names begin.
const SOCKETS: &[&str] = &["unix", "inet", "netlink", "vsock", "settings", "splice", "std"];

/// The tests of sockets: what they make use of counts as proven by a behaviour test.
pub(crate) fn sockets() -> Vec<&'static Test> {
    let about_sockets = |test: &&Test| SOCKETS.iter().any(|name| test.suite.starts_with(name));
    all().into_iter().filter(about_sockets).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn tests_have_names_of_their_own() {
        let tests = super::all();
        let names: HashSet<_> = tests.iter().map(|test| (test.suite, test.name)).collect();
        assert_eq!(names.len(), tests.len());
        assert!(tests.len() > 400, "a file's list is missing");
    }

    #[test]
    fn every_name_of_a_suite_of_sockets_is_one() {
        let tests = super::sockets();
        for name in super::SOCKETS {
            assert!(tests.iter().any(|test| test.suite.starts_with(name)), "{name}");
        }
    }
}
