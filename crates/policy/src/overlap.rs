//! Prefixes of two institutions, or of an institution and a system, that overlap.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::{Conflict, Institution, InstitutionCode, System};

/// Everything ambiguous in the prefixes of `institutions`, on whichever road, and in those that
/// they share with `systems`. Roads are not kept apart: an address has one owner.
///
/// One institution may have a prefix twice, or one within another. Two may not, unless the inner
/// one says so ([`Institution::within`]). Where a system's prefix and an institution's overlap,
/// the longer decides; the same for both is a conflict.
///
/// Costs one sort of all prefixes.
pub fn prefix_conflicts(institutions: &[Institution], systems: &[System]) -> Vec<Conflict> {
    let claims = claims(institutions);
    let mut conflicts = Vec::new();
    // The prefixes that hold the one at hand, each within the one before.
    let mut outer: Vec<Claim> = Vec::new();
    for &claim in &claims {
        while outer.last().is_some_and(|(prefix, _)| !prefix.contains(&claim.0)) {
            outer.pop();
        }
        let between = outer.last().and_then(|&holder| between(institutions, holder, claim));
        conflicts.extend(between);
        // Of a prefix with two holders the first counts, so that one slip is named once.
        if outer.last().is_none_or(|(prefix, _)| *prefix != claim.0) {
            outer.push(claim);
        }
    }
    let destinations = systems.iter().flat_map(|system| {
        system.destinations.iter().map(move |destination| (system, destination.network.trunc()))
    });
    for (system, network) in destinations {
        let holder = claims.range((network, 0)..).next().filter(|(prefix, _)| *prefix == network);
        if let Some(holder) = holder.and_then(|&(_, index)| institutions.get(index)) {
            let holder = holder.code.clone();
            conflicts.push(Conflict::Destination(network, system.id.clone(), holder));
        }
    }
    conflicts
}

/// A prefix, and which institution has it. In order, a prefix comes after all that hold it.
type Claim = (IpNet, usize);

fn claims(institutions: &[Institution]) -> BTreeSet<Claim> {
    let of = |(index, institution): (usize, &Institution)| {
        let both = institution.ip_vpn_prefixes.iter().chain(&institution.inner_prefixes);
        both.map(|prefix| (prefix.trunc(), index)).collect::<Vec<_>>()
    };
    institutions.iter().enumerate().flat_map(of).collect()
}

/// What is wrong with the second prefix, which the first holds.
fn between(institutions: &[Institution], outer: Claim, inner: Claim) -> Option<Conflict> {
    let (holder, institution) = (institutions.get(outer.1)?, institutions.get(inner.1)?);
    if outer.1 == inner.1 {
        return None;
    }
    let (holder_code, code) = (holder.code.clone(), institution.code.clone());
    if outer.0 == inner.0 {
        return Some(Conflict::Prefix(inner.0, holder_code, code));
    }
    if institution.within.contains(&holder_code) {
        return None;
    }
    let within = institution.within.clone();
    Some(Conflict::Nested {
        prefix: inner.0,
        of: code,
        outer: outer.0,
        holder: holder_code,
        within,
    })
}

/// The words of `--within` that would permit one more.
pub(crate) fn within_words(within: &[InstitutionCode], more: &InstitutionCode) -> String {
    let codes: Vec<&str> = within.iter().chain([more]).map(InstitutionCode::as_str).collect();
    codes.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{institution, system};

    fn conflicts(institutions: &[Institution]) -> Vec<String> {
        let systems =
            [system("path", "192.0.2.10/32", "icmp"), system("wide", "10.0.0.0/8", "icmp")];
        prefix_conflicts(institutions, &systems).iter().map(ToString::to_string).collect()
    }

    fn of(code: &str, ip_vpn: &[&str], inner: &[&str], within: &[&str]) -> Institution {
        let prefixes = |list: &[&str]| list.iter().map(|prefix| prefix.parse().unwrap()).collect();
        Institution {
            ip_vpn_prefixes: prefixes(ip_vpn),
            inner_prefixes: prefixes(inner),
            within: within.iter().map(|code| code.parse().unwrap()).collect(),
            ..institution(code)
        }
    }

    #[test]
    fn the_same_prefix_twice_is_refused_across_roads_too() {
        let both = of("A", &["10.1.0.0/16"], &["10.1.0.0/16", "10.1.2.0/24"], &[]);
        assert_eq!(conflicts(std::slice::from_ref(&both)), [""; 0], "one institution's own");
        for other in
            [of("B", &["10.1.2.3/16"], &[], &["A"]), of("B", &[], &["10.1.0.0/16"], &["A"])]
        {
            let found = conflicts(&[both.clone(), other]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains("prefix 10.1.0.0/16 is registered for both A and B"));
        }
    }

    #[test]
    fn a_nested_prefix_needs_the_word_and_the_refusal_says_it() {
        let hospital = of("A", &["10.1.0.0/16", "2001:db8::/32"], &[], &[]);
        let ward = of("B", &[], &["10.1.2.0/24"], &["A"]);
        let room = |within| of("C", &["10.1.2.128/25", "2001:db8:7::/48"], &[], within);
        assert_eq!(conflicts(&[hospital.clone(), ward.clone(), room(&["A", "B"])]), [""; 0]);
        let found = conflicts(&[room(&["A"]), ward, hospital]);
        assert_eq!(
            found,
            ["prefix 10.1.2.128/25 of institution C lies within 10.1.2.0/24 of institution B: \
              correct one of them, or, if it is meant so, give C the word 'within' (sekisho \
              institution change C --within A,B)"]
        );
    }

    #[test]
    fn siblings_and_families_do_not_meet() {
        let first = of("A", &["10.1.0.0/17", "::/1"], &[], &[]);
        assert_eq!(conflicts(&[first, of("B", &["10.1.128.0/17"], &["0.0.0.0/5"], &[])]), [""; 0]);
    }

    #[test]
    fn a_system_and_an_institution_do_not_share_a_prefix() {
        let longer = of("A", &["10.1.0.0/16", "192.0.2.0/24"], &[], &[]);
        assert_eq!(conflicts(std::slice::from_ref(&longer)), [""; 0]);
        let same = of("B", &[], &["192.0.2.10/32"], &["A"]);
        let found = conflicts(&[longer, same]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("192.0.2.10/32 is both a destination of system path and"));
    }
}
