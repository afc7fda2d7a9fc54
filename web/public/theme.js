// Before anything is drawn: nobody who chose the dark is dazzled first. Later on src/shared/preferences.ts does the same.
;(() => {
  const chosen = localStorage.getItem('beckon.theme')
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
  document.querySelector('meta[name=color-scheme]').content = dark ? 'dark' : 'light'
})()
