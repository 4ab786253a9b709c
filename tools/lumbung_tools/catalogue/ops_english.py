"""English sentences about the whole cluster, mutes and completion, by key, in the order of `ops_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["OPS_ENGLISH"]

OPS_ENGLISH: Final[dict[str, str]] = {
    # the whole cluster
    "cluster.green": "GREEN: all {nodes:node|nodes} in order.",
    "cluster.yellow": "YELLOW: {what} (of {nodes:node|nodes}).",
    "cluster.red": "RED: {what} (of {nodes:node|nodes}).",
    "cluster.part_red": "act now at {nodes:node|nodes}: {names}",
    "cluster.part_silent": "{nodes:node says|nodes say} nothing: {names}",
    "cluster.part_yellow": "look today at {nodes:node|nodes}: {names}",
    "cluster.part_unasked": "nothing is known of {nodes:node|nodes}, whose DRC node did not answer: {names}",
    "cluster.part_incomplete": "not every DRC node answered",
    "cluster.and_more": "{names} and {nodes} more",
    "cluster.counts": "Nodes: {nodes}; red {red}, silent {silent}, yellow {yellow}, green {green}",
    "cluster.recordings": "Recordings: {blobs} ({size}), of them safe {safe}",
    "cluster.short": "Short of copies: {blobs}, oldest {age}; only in one place: {only_here}",
    "cluster.state.red": "RED",
    "cluster.state.silent": "silent",
    "cluster.state.yellow": "YELLOW",
    "cluster.state.green": "green",
    "cluster.column.node": "node",
    "cluster.column.state": "state",
    "cluster.column.age": "reported",
    "cluster.column.recordings": "own",
    "cluster.column.short": "short (oldest)",
    "cluster.column.disk": "free",
    "cluster.column.what": "troubles",
    "cluster.lag": "{blobs} ({age})",
    "cluster.never": "never",
    "cluster.number": "{number}",
    "cluster.more_nodes": "and {nodes} more: lumbung nodes",
    "cluster.no_nodes": "No node is in that state.",
    "cluster.unreached": "{node} did not answer: what only it knows is missing. {why}",
    "cluster.unseen": "Not shown here, because they report to a DRC node that does not answer: {names}.",
    "cluster.silent": "Silent, and nobody knows how it stands with them now: {names}.",
    "cluster.unverified": (
        "Reports are signed with keys that this station's roster does not know ({nodes}): lumbung roster fetch"
    ),
    "cluster.newer_roster": "The DRC obeys roster epoch {epoch}, this station has {own}: lumbung roster fetch",
    "cluster.own_office_only": (
        "Only nodes of your own office are shown: the whole cluster is for operators of the centre."
    ),
    "top.more": "and {nodes} more below: a higher window, or lumbung nodes",
    # links
    "lag.column.from": "from",
    "lag.column.to": "to",
    "lag.column.condition": "link",
    "lag.column.lag": "behind",
    "lag.column.age": "oldest",
    "lag.column.heard": "last heard",
    "lag.column.trip": "round trip",
    "lag.condition.up": "up",
    "lag.condition.behind": "behind",
    "lag.condition.down": "down",
    "lag.condition.refused": "NOT TRUSTED",
    "lag.trip": "{milliseconds} ms",
    "lag.none": "No link is behind ({links:link|links} looked at).",
    "lag.more": "and {links:more link|more links}: --limit 0",
    "exit.lag.0": "no link is behind",
    "exit.lag.3": "some link is behind or down",
    # find
    "find.column.id": "id",
    "find.column.time": "recorded (UTC)",
    "find.column.copies": "copies",
    "find.column.missing": "no proof yet from",
    "find.column.office": "office",
    "find.column.short": "short",
    "find.column.only_here": "only there",
    "find.column.oldest": "oldest",
    "find.column.reported": "reported",
    "find.none": "Nothing found at {origin}.",
    "find.ask_cluster": "A DRC node records nothing of its own. For the offices: lumbung find --cluster",
    "find.none_in_cluster": "Nothing found at {nodes:node that reports|nodes that report}.",
    "exit.find.0": "nothing found",
    "exit.find.3": "some were found",
    # health
    "health.report_late": (
        "{node} has not reported for long. Call the office: power, line, node; recording there may well go on."
    ),
    "health.muted_line": "        muted until {end} UTC",
    "health.muted_at": "muted: {names}",
    "health.more": "Cause and cure: lumbung health explain {code}",
    "health.cluster_fine": "Nothing needs doing at {nodes:node|nodes}.",
    "health.column.severity": "",
    "health.column.code": "code",
    "health.column.nodes": "nodes",
    "health.column.which": "which",
    "status.muted": "{troubles:trouble is|troubles are} muted: lumbung health",
    # mutes
    "mute.one_end": "Give an end: either --for (such as 7d) or --until (such as 2026-12-01).",
    "mute.bounds": "A mute ends within {days} days, and not before now. The node's clock says {now} UTC.",
    "mute.about": "{code} about {node}",
    "mute.done": "Muted until {end} UTC: {what}. It is still shown, and calls nobody.",
    "mute.would": "Would mute until {end} UTC: {what}. Nothing was changed.",
    "mute.ended": "No longer muted: {what}.",
    "mute.would_end": "Would no longer be muted: {what}. Nothing was changed.",
    "mute.not_muted": "Was not muted: {what}.",
    "mute.none": "Nothing is muted.",
    "mute.column.code": "code",
    "mute.column.node": "about",
    "mute.column.end": "until (UTC)",
    "roster.would_obey": "The node would obey epoch {epoch}. Nothing was sent.",
    "roster.would_obey_access": "The node would obey version {version} of the access list. Nothing was sent.",
    "scrub.would_confirm": "Would confirm for {origins} and give back {freed} of kept evidence. Nothing was changed.",
    "spans.span": "expected a span such as 90s, 30m, 12h or 7d, got {text}",
    "spans.end": "expected a day or time such as 2026-12-01 or 2026-12-01T08:00Z, got {text}",
    # help
    "help.option.cluster": "The whole cluster, as the nodes report it to the DRC.",
    "help.nodes": (
        "Every node on a line, the worst first: state, age of its report, recordings, copies, disk, troubles."
    ),
    "help.nodes.examples": "lumbung nodes\nlumbung nodes --state red --state silent\nlumbung nodes --by-number --json",
    "help.nodes.state": "Only nodes in this state; may be given again.",
    "help.nodes.by_number": "In the order of their numbers.",
    "help.lag": (
        "Links that are behind or down: how many recordings, how old the oldest is, when the other side was last "
        "heard, how far away it is."
    ),
    "help.lag.examples": "lumbung lag\nlumbung lag --node 36.02\nlumbung lag --all --limit 0 --json",
    "help.lag.node": "Only links of this node.",
    "help.lag.all": "Also links that are in order.",
    "help.lag.limit": "At most so many lines; 0 for all.",
    "help.find": (
        "Recordings that are short of proven copies. Without --cluster by id, at the origin's own node; with it, which "
        "offices have how many."
    ),
    "help.find.examples": (
        "lumbung find --copies-below 3\nlumbung find --copies-below 2 --older-than 1h\n"
        "lumbung find --cluster --older-than 1d"
    ),
    "help.find.copies": "Recordings with fewer proven copies than this.",
    "help.find.older_than": "Recorded longer ago than this, such as 30m, 12h or 7d.",
    "help.find.cluster": "Which offices have how many, as they report it.",
    "help.top": "The cluster on one screen, renewed as reports come; Ctrl-C ends it. Where nobody watches, once.",
    "help.top.examples": "lumbung top\nlumbung top --interval 5\nlumbung top --once",
    "help.top.interval": "Seconds between two pictures.",
    "help.top.once": "One picture, then end.",
    "help.mute": (
        "Mute a known trouble until some day, at most 30 days ahead. It is shown as muted, changes no colour and no "
        "exit code, and comes back by itself."
    ),
    "help.mute.examples": (
        "lumbung health mute LINK_DOWN --node 34.04 --for 3d\n"
        "lumbung health mute CERT_EXPIRES --until 2026-12-01 --dry-run"
    ),
    "help.mute.node": "Only what concerns this node; at a DRC node also what that node reports itself.",
    "help.mute.for": "How long, such as 12h or 7d.",
    "help.mute.until": "Until when, such as 2026-12-01 or 2026-12-01T08:00Z.",
    "help.unmute": "End a mute.",
    "help.unmute.examples": "lumbung health unmute LINK_DOWN --node 34.04",
    "help.mutes": "What is muted at the own node, and until when.",
    "help.mutes.examples": "lumbung health mutes\nlumbung health mutes --json",
    "help.explain": "What a code means, what it comes from, and what to do.",
    "help.explain.examples": "lumbung health explain LINK_DOWN\nlumbung health explain DISK_LOW --lang id",
    "help.completion": "The script that lets a shell complete commands, options, node names and health codes.",
    "help.completion.examples": (
        'eval "$(lumbung completion bash)"\n'
        "lumbung completion zsh > ~/.zfunc/_lumbung\n"
        "lumbung completion fish > ~/.config/fish/completions/lumbung.fish"
    ),
}
