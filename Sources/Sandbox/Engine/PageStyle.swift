/// The look of every page.
enum PageStyle {
    static let text = """
        :root { color-scheme: light dark;
          --ground: #f4f5f7; --paper: #fff; --ink: #1b2330; --faint: #5a6576; --line: #e2e6ec; --hover: #f7f9fc;
          --act: #2451d6; --on-act: #fff; --quiet: #eceff4; --field: #7b8798;
          --good: #146c43; --good-ground: #e3f4ea; --warn: #8a5300; --warn-ground: #fdf0d9; --bad: #b3261e; --bad-ground: #fce8e6;
          --new: #fff6d6 }
        @media (prefers-color-scheme: dark) { :root {
          --ground: #0e1116; --paper: #161b22; --ink: #e5e9f0; --faint: #9aa5b5; --line: #272e38; --hover: #1b212a;
          --act: #8cabff; --on-act: #0c1633; --quiet: #242c37; --field: #6d7889;
          --good: #7dd6a5; --good-ground: #12301f; --warn: #f2bd66; --warn-ground: #35270d; --bad: #ff9d94; --bad-ground: #3b1815;
          --new: #33301a } }
        * { box-sizing: border-box }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0 }
        main { max-width: 26rem; margin: 2rem auto; padding: 1.5rem; background: var(--paper); border-radius: 8px }
        h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 1rem }
        h2 { font-size: 1rem }
        a { color: var(--act) }
        label { display: block; margin: .75rem 0 }
        section { border-top: 1px solid var(--line); margin-top: 1rem }
        input, select { display: block; width: 100%; font: inherit; padding: .5rem; color: inherit; \
        background: var(--paper); border: 1px solid var(--field); border-radius: 4px }
        button { font: inherit; padding: .6rem 1.2rem; margin: .75rem .5rem 0 0; border: 0; border-radius: 6px; \
        background: var(--act); color: var(--on-act); cursor: pointer }
        button.other { background: var(--quiet); color: var(--ink) }
        :focus-visible { outline: 2px solid var(--act); outline-offset: 2px }
        table { width: 100%; border-collapse: collapse } td { padding: .25rem 0 } td + td { text-align: right }
        .row { display: flex; gap: .75rem } .row label { flex: 1 }
        .error { color: var(--bad) } .note { color: var(--faint); font-size: .875rem; margin-bottom: 0 }

        /* The owner's pages: dense, in columns where there is room. */
        main.wide { max-width: 90rem; margin: 0 auto; padding: 1rem; background: none; border-radius: 0; \
        font-size: .875rem }
        .wide h1 { margin: 0; font-size: 1.125rem }
        .wide h2 { margin: 0; font-size: .875rem; display: flex; gap: .5rem; align-items: baseline }
        .wide h2 small { font-weight: 400 }
        .wide small, .faint { color: var(--faint); font-size: .8125rem }
        .wide section { border: 1px solid var(--line); border-radius: 8px; background: var(--paper); margin: 0 0 1rem; \
        overflow: hidden }
        .wide section > h2, .wide section > p { padding: .6rem .875rem; margin: 0 }
        .wide section > p { padding-top: 0; color: var(--faint) }
        .wide button { margin: 0; padding: .3rem .7rem; font-size: .8125rem; line-height: 1.4; white-space: nowrap; \
        background: var(--quiet); color: var(--ink) }
        .wide button.act { background: var(--act); color: var(--on-act) }
        .wide button:hover { filter: brightness(.96) }
        .wide code, .wide .id { font: .75rem/1.5 ui-monospace, monospace; color: var(--faint); text-decoration: none; \
        overflow-wrap: anywhere }
        .wide .id:hover { color: var(--act); text-decoration: underline }
        .top { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; margin-bottom: 1rem }
        .top p { margin: 0 }
        #said:not(:empty) { position: fixed; left: 50%; bottom: 1rem; transform: translateX(-50%); z-index: 1; margin: 0; \
        width: max-content; max-width: calc(100vw - 2rem); padding: .5rem 1rem; border-radius: 8px; background: var(--ink); \
        color: var(--paper); box-shadow: 0 2px 12px #0004 }
        #clock { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: center; padding: .75rem .875rem }
        #clock > div { flex: 1 1 18rem } #clock p { padding: 0; margin: 0 } #clock p small { display: inline-block }
        #clock time { font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; color: var(--ink) }
        .buttons { display: flex; flex-wrap: wrap; gap: .5rem } #clock .buttons { flex: 0 1 auto }
        #snapshots .buttons { padding: .6rem .875rem; border-top: 1px solid var(--line) }
        .rows { list-style: none; margin: 0; padding: 0 }
        .rows > li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .125rem .75rem; align-items: center; \
        padding: .35rem .875rem; border-top: 1px solid var(--line) }
        .rows > li:hover { background: var(--hover) }
        .rows b { font-weight: 600; overflow-wrap: anywhere }
        .rows a { text-decoration: none } .rows a:hover { text-decoration: underline } .rows a:not(.id) { color: inherit }
        .rows .end { text-align: right; font-variant-numeric: tabular-nums }
        .rows .more { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0 .75rem; align-items: baseline; \
        justify-content: space-between }
        .rows button { padding: .15rem .6rem }
        .badge { display: inline-block; padding: 0 .45rem; border-radius: 99px; font-size: .75rem; line-height: 1.6; \
        white-space: nowrap; background: var(--quiet); color: var(--faint) }
        .good { background: var(--good-ground); color: var(--good) }
        .warn { background: var(--warn-ground); color: var(--warn) }
        .bad { background: var(--bad-ground); color: var(--bad) }
        pre { margin: 0; padding: .875rem; font: .8125rem/1.5 ui-monospace, monospace; white-space: pre-wrap; \
        overflow-wrap: anywhere; border-top: 1px solid var(--line) }
        pre a { text-decoration: none } pre a:hover { text-decoration: underline }
        @keyframes arrive { from { background: var(--new) } }
        @media (prefers-reduced-motion: no-preference) { .rows > li.new { animation: arrive 3s ease-out } }
        @media (max-width: 30rem) { #clock .buttons { flex: 1 } .buttons button { flex: 1; padding: .45rem .5rem } }
        @media (min-width: 60rem) {
          .columns { display: grid; grid-template-columns: minmax(0, 13fr) minmax(0, 8fr); gap: 0 1rem; align-items: start }
        }

        """
}
