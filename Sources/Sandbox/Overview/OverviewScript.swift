/// The script of the overview. The page works without it, by forms; with it the page is live: it is fetched again every
/// other second, while somebody looks, and the parts of it that differ are put in place.
enum OverviewScript {
    static let text = #"""
        'use strict';
        const every = 2000;
        const said = document.getElementById('said');
        let latest = 0;
        let lost = false;
        // While a button is held down it must not be replaced: it would not be pressed.
        let pressed = false;
        addEventListener('pointerdown', () => { pressed = true; });
        for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => { pressed = false; });

        function say(text) {
          said.textContent = text;
          clearTimeout(say.timer);
          if (text && !lost) say.timer = setTimeout(() => { said.textContent = ''; }, 6000);
        }

        // The parts as they came last, by id.
        const shown = new Map();

        // Puts in place what differs, and keeps the focus where it is.
        function show(text) {
          const page = new DOMParser().parseFromString(text, 'text/html');
          for (const fresh of page.querySelectorAll('[data-live]')) {
            const old = document.getElementById(fresh.id);
            const html = fresh.innerHTML;
            if (!old || (shown.get(fresh.id) ?? old.innerHTML) === html) continue;
            shown.set(fresh.id, html);
            const known = new Set([...old.querySelectorAll('li[id]')].map(row => row.id));
            for (const row of fresh.querySelectorAll('li[id]')) if (!known.has(row.id)) row.classList.add('new');
            const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
            old.replaceChildren(...fresh.childNodes);
            if (focused !== null) (document.getElementById(focused) || old).focus({preventScroll: true});
          }
        }

        async function ask(url, options) {
          const turn = ++latest;
          const answer = await fetch(url, options);
          const text = await answer.text();
          if (!answer.ok) throw new Error(JSON.parse(text).error.message);
          if (turn === latest) show(text);
        }

        async function look() {
          if (!document.hidden && !pressed && document.querySelector('[data-live]')) {
            try {
              await ask(location.href);
              if (lost) { lost = false; say('The sandbox is back.'); }
            } catch {
              if (!lost) { lost = true; say('The sandbox does not answer.'); }
            }
          }
          look.timer = setTimeout(look, every);
        }

        document.addEventListener('submit', async event => {
          event.preventDefault();
          const button = event.submitter;
          if (button.dataset.question && !confirm(button.dataset.question)) return;
          clearTimeout(look.timer);
          say('Working…');
          try {
            const form = new FormData(event.target, button);
            await ask(button.formAction, {method: 'POST', body: new URLSearchParams(form)});
            lost = false;
            say(button.dataset.said);
          } catch (error) {
            say(error.message);
          }
          clearTimeout(look.timer);
          look.timer = setTimeout(look, every);
        });

        document.addEventListener('visibilitychange', () => {
          if (document.hidden) return;
          clearTimeout(look.timer);
          look();
        });

        look.timer = setTimeout(look, every);

        """#
}
