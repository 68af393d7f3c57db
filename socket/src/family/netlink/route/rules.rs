//! Which table is looked at: the rules that Linux starts with, which cannot be changed here.

use super::{
    super::{
        request::{Done, Outcome, Request},
        uapi::*,
    },
    MULTI, V4, V6, answer, shows,
};

/// Priority and table of each rule; IPv6 has not the last one.
const RULES: [(u32, u8); 3] = [(0, TABLE_LOCAL), (32_766, TABLE_MAIN), (32_767, TABLE_DEFAULT)];

/// RTPROT_KERNEL
const KERNEL: u8 = 2;

pub(super) fn dump(request: &Request<'_>, family: u8) -> Outcome<Done> {
    answer(request, 0, |builder| {
        for (of, rules) in [(V4, &RULES[..]), (V6, &RULES[..2])] {
            for (priority, table) in rules.iter().filter(|_| shows(family, of == V6)) {
                builder.begin(request.header(RTM_NEWRULE, MULTI));
                // struct fib_rule_hdr
                builder.put(&[of, 0, 0, 0, *table, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0]);
                builder.number(FRA_TABLE, (*table).into());
                builder.number(FRA_SUPPRESS_PREFIXLEN, u32::MAX);
                builder.byte(FRA_PROTOCOL, KERNEL);
                if *priority != 0 {
                    builder.number(FRA_PRIORITY, *priority);
                }
                builder.end();
            }
        }
    })
}
