import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { pageOf, pages } from "../pages/index.ts";
import type { Page, PageProps } from "../pages/page.ts";
import { Icon } from "../parts/icon.tsx";
import { Missing } from "../parts/panel.tsx";
import { Count } from "../parts/tabs.tsx";
import { followAddress, space } from "../session/session.ts";
import { Account } from "./account.tsx";
import { Boundary } from "./boundary.tsx";
import { Help } from "./help.tsx";
import { helpOpen, paletteOpen } from "./keys.ts";
import { LiveBadge } from "./live-badge.tsx";
import { Logo } from "./logo.tsx";
import { Palette } from "./palette.tsx";
import { href, route } from "./route.ts";
import { TenantSwitch } from "./tenant-switch.tsx";
import { toggleTheme } from "./theme.ts";

const menuOpen = signal(false);
const groups: Page["group"][] = ["Watch", "Work", "Knowledge", "Project"];

export function Shell() {
  const { page: name, tenant } = route.value;
  useEffect(() => void followAddress(tenant), [tenant]);
  // On a phone, the menu covers the page.
  useEffect(() => {
    menuOpen.value = false;
  }, [name]);
  return (
    <div class={`shell ${menuOpen.value ? "menu-open" : ""}`}>
      <button type="button" class="skip" onClick={toMain}>
        Skip to the page
      </button>
      <header class="top">
        <button
          type="button"
          class="icon-button menu-button"
          aria-label="Menu"
          aria-expanded={menuOpen.value}
          onClick={() => {
            menuOpen.value = !menuOpen.value;
          }}
        >
          <Icon name="menu" />
        </button>
        <a class="brand" href={href("now")} aria-label="Mayfly: now">
          <Logo size={26} />
        </a>
        <TenantSwitch />
        <button
          type="button"
          class="search-button"
          onClick={() => {
            paletteOpen.value = true;
          }}
        >
          <Icon name="search" size={15} />
          <span>Find or do…</span>
          <kbd>Ctrl K</kbd>
        </button>
        <LiveBadge />
        <button
          type="button"
          class="icon-button"
          aria-label="Light or dark"
          title="Light or dark (t)"
          onClick={toggleTheme}
        >
          <Icon name="moon" />
        </button>
        <Account />
      </header>
      <Navigation current={name} />
      <main id="main" tabIndex={-1}>
        <Boundary key={`${space.value?.tenant.id} ${location.hash.split("?")[0]}`}>
          <Content name={name} />
        </Boundary>
      </main>
      {paletteOpen.value && <Palette />}
      {helpOpen.value && <Help />}
    </div>
  );
}

const toMain = () => document.getElementById("main")?.focus();

function Navigation({ current }: { current: string }) {
  const open = space.value;
  const visible = pages.filter(({ needs }) => !needs || open?.may(needs));
  return (
    <nav class="side" aria-label="Pages">
      {groups.map((group) => {
        const own = visible.filter((page) => page.group === group);
        if (own.length === 0) return null;
        return (
          <div key={group}>
            <span class="side-group">{group}</span>
            {own.map(({ name, title, icon, key, count }) => (
              <a
                key={name}
                href={href(name)}
                aria-current={name === current ? "page" : undefined}
                title={`${title} (g ${key})`}
              >
                <Icon name={icon} />
                {title}
                {open && count && <Waiting of={count(open)} />}
              </a>
            ))}
          </div>
        );
      })}
    </nav>
  );
}

function Waiting({ of }: { of: number }) {
  if (of === 0) return null;
  return (
    <>
      <Count of={of} hot />
      <span class="sr-only"> for you</span>
    </>
  );
}

const loaded = new Map<string, ComponentType<PageProps>>();

function Content({ name }: { name: string }) {
  const page = pageOf(name);
  const [, setReady] = useState(0);
  const toNow: [string, string] = [href("now"), "What is happening now"];
  useEffect(() => {
    document.title = page ? `${page.title} · Mayfly` : "Mayfly";
    if (!page || loaded.has(name)) return;
    void page.load().then((module) => {
      loaded.set(name, module.default);
      setReady((count) => count + 1);
    });
  }, [name]);
  const open = space.value;
  if (!page) return <Missing title="There is no such page." back={toNow} />;
  if (page.needs && !open?.may(page.needs))
    return (
      <Missing title="Your role may not see this." back={toNow}>
        It needs {page.needs}. An admin of the tenant can change your role.
      </Missing>
    );
  const Body = loaded.get(name);
  // The tenant in the address may still be opening. Meanwhile, nothing of another tenant is shown.
  return Body && open?.tenant.id === route.value.tenant ? (
    <Body space={open} rest={route.value.rest} />
  ) : (
    <div class="skeleton" role="status" aria-label="Loading" />
  );
}
